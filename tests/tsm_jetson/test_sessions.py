import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from testing.artifacts import random_artifact, random_onnx
from testing.gestures import shared_videos
from tsm_jetson import TensorRTSession, open_session
from tsm_jetson.main import main
from tsm_live import ArtifactError, OnnxSession

_FRAME = np.zeros((48, 64, 3), np.uint8)

without_tensorrt = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt") is not None,
    reason="TensorRT is installed",
)


@without_tensorrt
def test_falls_back_to_onnx_runtime():
    session = open_session(random_onnx())
    assert isinstance(session, OnnxSession)
    assert session.step(_FRAME).label in session.spec.labels


@without_tensorrt
def test_a_missing_tensorrt_is_named():
    with pytest.raises(ImportError, match="part of JetPack"):
        open_session(random_onnx(), runtime="tensorrt")


def test_refusals():
    with pytest.raises(ValueError, match="Received: runtime='cuda'"):
        open_session(random_onnx(), runtime="cuda")
    with pytest.raises(ArtifactError, match=r"run \.onnx files"):
        TensorRTSession(random_artifact())
    with pytest.raises(ArtifactError, match="int8_tensorrt.*Received: int8"):
        TensorRTSession(random_onnx("int8"))


def test_the_command_annotates_a_video(tmp_path, capsys):
    output = tmp_path / "out.mp4"
    flags = [
        f"--model={random_onnx()}",
        f"--source={shared_videos().paths[0]}",
        f"--output={output}",
        "--runtime=onnxruntime",
    ]
    assert main(flags) == 0
    assert "frames" in capsys.readouterr().out and output.stat().st_size
    flags[0] = "--model=nowhere.onnx"
    assert main(flags) == 1
    assert capsys.readouterr().err.startswith("tsm-jetson: error: There is no")


def test_needs_no_tensorflow():
    code = (
        "import sys, tsm_jetson\n"
        "assert not {'tensorflow', 'keras', 'tensorrt'} & set(sys.modules)"
    )
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    subprocess.run([sys.executable, "-c", path + code], check=True)
