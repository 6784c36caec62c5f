"""`tsm prepare` as a user runs it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from testing.command_line import refused, tsm, tsm_here
from testing.plans import TINY, contents, gesture_root, small_plan
from tsm_keras.data.prepare.shards import WORK_FOLDER
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.storage.prepared_dataset import open_prepared

_LOCAL = "--workers=1"
_BEAM = "--runner=FnApiRunner"  # In the same process, which can be killed.


def _arguments(folder, *more, how=_LOCAL):
    return [
        "prepare",
        f"--source={gesture_root()}",
        f"--to={folder}",
        "--clips_per_shard=1",
        how,
        f"--size={TINY.short_side}",
        *more,
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begun", "finished_by"),
    [(_LOCAL, _BEAM), (_BEAM, _LOCAL)],
)
def test_a_killed_run_is_continued_with_the_same_result(
    tmp_path, begun, finished_by
):
    pairs = (("swipe_left", "swipe_right"),)
    plan = small_plan(clips_per_shard=1, flip_pairs=pairs)
    ingest(plan, tmp_path / "whole")
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from tsm_cli.main import run; run()",
            *_arguments(folder, how=begun),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
    )
    results = folder / WORK_FOLDER
    while not list(results.glob("*-of-*.npz")):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "dataset.json").exists()
    finished = {
        path: (path.stat().st_ino, path.stat().st_mtime_ns)
        for result in results.glob("*-of-*.npz")
        if (path := folder / result.stem)
    }
    assert 1 <= len(finished) < len(plan.shards)
    output = tsm_here(*_arguments(folder, how=finished_by))
    assert "wrote 8 clips" in output and "clip/s" in output
    assert "mirrored, swipe_left is swipe_right" in output
    for path, before in finished.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == before, path
    assert contents(folder) == contents(tmp_path / "whole")
    assert open_prepared(folder).flip_pairs == pairs


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path):
    output, error = tsm(
        *_arguments(
            tmp_path / "set",
            "--dry_run",
            "--val_fraction=0",
            "--test_fraction=0.5",
        ),
        ok=True,
    )
    assert not error and not (tmp_path / "set").exists()
    rows = [line.split() for line in output.splitlines()]
    assert rows[0] == ["train", "val", "test"]
    assert ["push", "1", "0", "1"] in rows
    assert ["all", "4", "0", "4", "in", "8", "shards"] in rows
    assert "no clips for: val\n" in output


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--source=/no/such/folder", "/no/such/folder does not exist"),
        ("--source_format=ucf", "source_format='ucf'"),
        ("--source_format=ucf101", "no list file classInd.txt"),
        ("--quality=0", "quality=0"),
        ("--size=100000", "in 1..4096. Received: short_side=100000"),
        ("--max_frame_rate=inf", "max_frame_rate=inf"),
        ("--group_regex=(", "must be a regular expression"),
        ("--flip_pairs=push", "flip_pairs='push'"),
        ("--workers=0", "workers=0"),
        ("--runner=DirectRunner", "workers=1, runner='DirectRunner'"),
        ("--lmit=3", "Unknown command line flag 'lmit'"),
        ("stray", "unexpected arguments ['stray']"),
        ("--to=", "flag --to must have a value"),
    ],
)
def test_mistakes_are_one_line(tmp_path, flag, message):
    assert message in refused(*_arguments(tmp_path / "set", flag))
    assert not (tmp_path / "set").exists()


def test_flags_that_are_needed_are_named_as_other_commands_do():
    assert "flag --source must have a value (" in refused("prepare", "--to=x")
    error = refused("prepare", "--source=x")
    assert error.startswith("tsm prepare: error: flag --to must have a value (")
    error = refused("flow", "--data=x")
    assert error.startswith("tsm flow: error: flag --to must have a value (")
    error = refused("data", "show", "x")
    assert error.startswith("tsm data: error: flag --to must have a value (")
