"""What a run writes is none of the files that it reads."""

import os
import shutil

import pytest

from testing.artifacts import random_artifact
from testing.shared_data import fixture
from tsm_live.cli.main import main
from tsm_live.cli.own_files import check_written

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two recordings, a model, and other names for one of the recordings."""
    monkeypatch.chdir(tmp_path)
    for name in ("self.mp4", "out_1.mp4"):
        shutil.copy(fixture("tc_h265_video.mp4"), name)
    shutil.copy(random_artifact(), "model.tflite")
    os.symlink("self.mp4", "link.mp4")
    os.link("self.mp4", "hard.mp4")
    os.mkdir("sub")
    return tmp_path


def _contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output=self.mp4"], "--output would write over the file of --sour"),
        (["--output=sub/../self.mp4"], "Received: --output=sub/../self.mp4"),
        (["--output=link.mp4"], "over the file of --source"),
        (["--output=hard.mp4"], "over the file of --source"),
        (["--source=out_1.mp4", "--output=out.mp4"], "--output=out_1.mp4"),
        (["--events=self.mp4"], "--events would write over the file of --sour"),
        (["--events=model.tflite"], "over the file of --model"),
        (
            ["--output=new.mkv", "--events=./new.mkv"],
            "--events would write over the file of --output",
        ),
    ],
)
def test_no_file_of_the_users_is_lost(folder, flags, message, capsys):
    before = _contents(folder)
    run = ["--model=model.tflite", "--source=self.mp4", "--quiet"]
    assert main([*run, *flags]) == 1
    error = capsys.readouterr().err
    assert error.startswith("tsm-live: error: ") and error.count("\n") == 1
    assert message in error
    assert _contents(folder) == before and not os.listdir(folder / "sub")


def test_a_file_behind_a_descriptor(tmp_path):
    path = tmp_path / "frames.raw"
    path.touch()
    with path.open() as file, pytest.raises(ValueError, match="of --source"):
        check_written([("--events", path)], [("--source", file.fileno())])


def test_what_is_different_or_cannot_be_lost_is_let_through(folder):
    check_written(
        [("--output", "new.mp4"), ("--events", os.devnull)],
        [("--source", "self.mp4"), ("--source", os.devnull), ("--source", 0)],
    )
