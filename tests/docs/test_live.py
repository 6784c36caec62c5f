"""What docs/live.md shows works: its Python runs, its flags are all."""

import re
import shutil

import pytest

from testing.artifacts import random_artifact
from testing.checkout import ROOT
from testing.shared_data import fixture
from tsm_live.cli.live_command import command_line
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.detection.tracks import TrackConfig

# The runtime alone: one Keras is enough.
pytestmark = pytest.mark.keras3_only

DOCUMENT = (ROOT / "docs/live.md").read_text("utf-8")
# Of `tsm export`, of the benchmark and of every command.
_OTHERS = {"streams", "to", "width", "image_size", "flagfile"}


def test_its_flags_are_those_there_are():
    shown = set(re.findall(r"--(\w+)", DOCUMENT)) - _OTHERS
    there = set(re.findall(r"--(\w+)", command_line().help()))
    assert shown == there


def test_its_defaults_are_those_of_the_decision():
    part = DOCUMENT.partition("## From scores")[2].partition("\n## ")[0]
    # `--name` and, within a few words, (its default).
    found = re.findall(r"`--(\w+)`[^`(]*\((\d[\d.]*)\)", part)
    assert len(found) == 5
    for name, value in found:
        assert getattr(DecisionConfig(), name) == float(value), name


def test_its_defaults_are_those_of_the_tracker():
    part = DOCUMENT.partition("## From boxes")[2].partition("\n## ")[0]
    found = re.findall(r"`--(overlap|hits|misses)` \((\d[\d.]*)\)", part)
    assert len(found) == 3
    for name, value in found:
        assert getattr(TrackConfig(), name) == float(value), name


def test_its_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(random_artifact(), "gestures.tflite")
    shutil.copy(fixture("tc_h265_video.mp4"), "clip.mp4")
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    namespace = {}
    exec(compile(block, "live.md", "exec"), namespace)
    (summary,) = namespace["summaries"]
    assert summary.processed == 10 and namespace["errors"] == []
