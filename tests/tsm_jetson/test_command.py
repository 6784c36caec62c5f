"""`tsm-jetson`, in a process of its own where that matters."""

import os
import shutil

import pytest

from testing.artifacts import random_artifact, random_onnx
from testing.command_line import start_tsm_jetson
from testing.shared_data import fixture
from tsm_jetson.main import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A recording, another name for it, and models."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(fixture("tc_h265_video.mp4"), "self.mp4")
    shutil.copy(random_onnx(), "model.onnx")
    shutil.copy(random_onnx(), "model.mp4")
    shutil.copy(random_artifact(), "model.tflite")
    os.symlink("self.mp4", "link.mp4")
    return tmp_path


def _contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def _flags(
    *,
    model="model.onnx",
    source="self.mp4",
    output="out.mp4",
    runtime="onnxruntime",
):
    return [
        f"--model={model}",
        f"--source={source}",
        f"--output={output}",
        f"--runtime={runtime}",
    ]


@pytest.mark.parametrize(
    ("changed", "other"),
    [
        ({"output": "self.mp4"}, "--source"),
        ({"output": "./link.mp4"}, "--source"),
        ({"output": "model.mp4", "model": "model.mp4"}, "--model"),
    ],
)
def test_no_file_of_the_users_is_lost(folder, changed, other, capsys):
    before = _contents(folder)
    assert main(_flags(**changed)) == 1
    assert capsys.readouterr().err == (
        f"tsm-jetson: error: --output would write over the file of {other}. "
        f"Received: --output={changed['output']}\n"
    )
    assert _contents(folder) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--outptu=a"], "no flag --outptu; did you mean --output? ("),
        ([*_flags(), "--source=b.mp4"], "--source may be given once, not 2"),
        ([*_flags(), "--output", "b.mp4"], "--output may be given once, not 2"),
        (_flags(model=""), "--model is empty"),
        (
            _flags(runtime="x"),
            "--runtime=x: value should be one of <auto|tensorrt|onnxruntime>",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line(folder, flags, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(flags)
    error = capsys.readouterr().err
    assert error.startswith("tsm-jetson: error: ") and error.count("\n") == 1
    assert message in error and not os.path.exists("out.mp4")


def test_a_mistake_is_told_where_there_is_no_litert(folder):
    """Which .onnx files do not need; boards may have no wheel of it."""
    process = start_tsm_jetson(
        *_flags(model="missing.onnx"),
        before="import sys; sys.modules['ai_edge_litert'] = None",
        cwd=folder,
    )
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and error == (
        "tsm-jetson: error: There is no model file at missing.onnx.\n"
    )


def test_a_tflite_file_is_told_from_an_onnx_file(folder, capsys):
    assert main(_flags(model="model.tflite")) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "PROTOBUF" not in error
    assert "`tsm export --format=onnx`" in error and "model.tflite" in error


def test_help_names_the_videos_that_can_be_written(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert ".mp4, .mkv, .avi" in " ".join(capsys.readouterr().out.split())


def test_a_broken_source_is_one_line(folder):
    """FFmpeg's own complaints go nowhere."""
    broken = fixture("exo_invalid-bitstream.webm")
    process = start_tsm_jetson(*_flags(source=broken), cwd=folder)
    output, error = process.communicate(timeout=120)
    assert (output, process.returncode) == ("", 1)
    assert error.startswith("tsm-jetson: error: ") and error.count("\n") == 1
    assert broken.name in error and not (folder / "out.mp4").exists()


def test_a_run_says_what_it_did(folder):
    process = start_tsm_jetson(*_flags(), cwd=folder)
    output, error = process.communicate(timeout=120)
    assert process.returncode == 0 and not error
    assert output.endswith("; wrote out.mp4\n")
    assert (folder / "out.mp4").stat().st_size
