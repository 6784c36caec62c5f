import csv
import os
import shutil
import sys

import pytest

from testing.command_line import tsm
from testing.plans import contents, gesture_root, small_plan
from testing.videos import encode_or_be_killed
from tsm_keras.data.prepare import workers
from tsm_keras.data.prepare.beam import check_options, ingest_with_beam
from tsm_keras.data.prepare.workers import ingest

_DIRECT = "--runner=DirectRunner"


@pytest.mark.slow
def test_several_beam_workers_write_the_same_files(tmp_path, monkeypatch):
    # Beam starts its workers as processes of their own.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    plan = small_plan()
    local = ingest(plan, tmp_path / "local")
    seen = []
    dataset = ingest_with_beam(
        plan,
        tmp_path / "beam",
        [
            _DIRECT,
            "--direct_num_workers=2",
            "--direct_running_mode=multi_processing",
        ],
        progress=lambda *counts: seen.append(counts),
    )
    assert dataset.content_hash == local.content_hash
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")
    assert seen == sorted(seen) and (seen[0], seen[-1]) == ((0, 8), (8, 8))


@pytest.mark.slow
def test_a_clip_that_exhausts_the_memory_is_read_alone_and_then_rejected(
    tmp_path, monkeypatch
):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    shutil.copy(root / "push" / "0.mp4", root / "push" / "large.mp4")
    monkeypatch.setattr(workers, "try_encode_clip", encode_or_be_killed)
    seen = []
    dataset = ingest_with_beam(
        small_plan(root),
        tmp_path / "set",
        [_DIRECT],
        progress=lambda *counts: seen.append(counts),
    )
    assert sum(split.clips for split in dataset.splits.values()) == 8
    with open(dataset.folder / "rejected.csv", encoding="utf-8") as file:
        _, (path, reason) = csv.reader(file)
    assert path == "push/large.mp4" and "more memory than there is" in reason
    assert seen[-1] == (9, 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--direct_num_wrkers=4", "--bogus=1", "stray"],
            "Received: --direct_num_wrkers=4 --bogus=1 stray$",
        ),
        (["--direct_num=4"], "Received: --direct_num=4$"),
        (
            ["--direct_num_workers=abc"],
            "argument --direct_num_workers: invalid int value: 'abc'$",
        ),
        (["--runner=Bogus"], "Unexpected pipeline runner: Bogus"),
    ],
)
def test_wrong_options_are_named_before_anything_is_written(
    tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        ingest_with_beam(small_plan(), tmp_path / "set", [_DIRECT, *options])
    assert not (tmp_path / "set").exists()


def test_wrong_options_are_one_line(tmp_path):
    flags = [f"--source={gesture_root()}", f"--to={tmp_path / 'set'}", _DIRECT]
    output, error = tsm("prepare", *flags, "--", "--direct_num_workers=abc")
    # Beam may say something of its own when it is imported.
    assert "usage" not in error and "Traceback" not in error and not output
    assert error.splitlines()[-1].startswith("tsm prepare: error: Apache Beam")


def test_options_with_values_apart_are_known():
    check_options([_DIRECT, "--direct_num_workers", "2", "--streaming"])


def test_without_beam_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ImportError, match=r'pip install "tsm-keras\[beam\]"'):
        ingest_with_beam(small_plan(), tmp_path / "set")
    assert not (tmp_path / "set").exists()
