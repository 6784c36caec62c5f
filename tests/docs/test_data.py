"""What docs/data.md shows works: its Python runs, its flags exist."""

import re
import shlex

import pytest

from testing.checkout import ROOT
from testing.plans import small_plan
from tsm_keras.command_flags import parse
from tsm_keras.data.prepare.command import FLAGS
from tsm_keras.data.prepare.workers import ingest

DOCUMENT = (ROOT / "docs/data.md").read_text("utf-8")
COMMANDS = re.findall(
    r"tsm prepare (.*?)(?:`|\n)", DOCUMENT.replace("\\\n", "")
)


def test_the_python_examples_run(tmp_path, monkeypatch, capsys):
    dataset = ingest(small_plan(), tmp_path / "datasets/mine")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
        exec(compile(block, "data.md", "exec"), namespace)
    assert str(dataset.label_names) in capsys.readouterr().out
    frames = [frame for frame, _ in namespace["data"]]
    assert len(frames) == dataset.split("train").clips
    assert all(min(frame.shape[:2]) == 32 for frame in frames)
    clips, labels = next(iter(namespace["training"]))
    assert clips.shape[1:] == (8, 64, 64, 3) and len(clips) == len(labels)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command):
    own, _, beams = command.partition(" -- ")
    rest = parse(FLAGS, "tsm prepare", shlex.split(own))
    assert rest == [] and FLAGS.source and FLAGS.to
    assert bool(beams) == bool(FLAGS.runner)


def test_every_flag_that_is_shown_exists():
    part = DOCUMENT.partition("## More than one machine")[0]
    shown = set(re.findall(r"--(\w+)", part))
    assert len(shown) > 15 and shown <= set(FLAGS)
    assert len(COMMANDS) >= 12
