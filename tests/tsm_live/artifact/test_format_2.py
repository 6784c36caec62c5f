"""Files that an earlier version wrote still run, and give the same."""

import pathlib

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.quantization import as_logits
from tsm_live.sessions.open_session import open_session

_FOLDER = pathlib.Path(__file__).parent / "format_2"
_EXPECTED = np.load(_FOLDER / "expected.npz")
_CLIP = _EXPECTED["clip"]


def test_an_int8_stream_runs_as_before():
    session = open_session(_FOLDER / "stream_int8.tflite")
    found = [session.step(frame).logits for frame in _CLIP]
    # A step of the output: processors round sums in their own ways.
    step = session.spec.logits.scale
    np.testing.assert_allclose(found, _EXPECTED["stream_int8"], atol=2 * step)
    assert len(np.unique(_EXPECTED["stream_int8"], axis=0)) == len(_CLIP)


def test_two_streams_in_onnx_run_as_before():
    session = open_session(_FOLDER / "two_streams.onnx")
    found = [
        [p.logits for p in session.step_streams([frame, frame[::-1]])]
        for frame in _CLIP
    ]
    np.testing.assert_allclose(found, _EXPECTED["two_streams"], rtol=1e-4)


def test_a_clip_with_probabilities_runs_as_before():
    spec, model = load_artifact(_FOLDER / "clip_probabilities.tflite")
    run = Interpreter(model_content=model).get_signature_runner()
    (found,) = run(clip=_CLIP.astype(np.float32))["probabilities"]
    expected = _EXPECTED["clip_probabilities"]
    np.testing.assert_allclose(found, np.exp(expected), rtol=1e-4)
    np.testing.assert_allclose(as_logits(found, spec.logits), expected, 1e-4)


@pytest.mark.parametrize(
    ("name", "roles", "layout"),
    [
        ("stream_int8.tflite", ["frame", "cache", "cache"], "NHWC"),
        ("clip_probabilities.tflite", ["clip"], "NHWC"),
        ("two_streams.onnx", ["frame", "cache", "cache"], "NCHW"),
    ],
)
def test_its_spec_says_what_format_3_says(name, roles, layout):
    spec, _ = load_artifact(_FOLDER / name)
    assert [tensor.role for tensor in spec.inputs] == roles
    assert spec.labels == ("push", "größer", "none")
    assert spec.layout == layout and spec.task == "classification"
    assert (spec.resize_size, spec.image_size) == (36, 32)
    assert (spec.frame_interval, spec.num_segments) == (0.125, 4)
    for cache in spec.caches:
        assert (cache.frames, cache.fed_by) == (1, f"{cache.name}_out")
    # It says nothing of the decision: who runs it has defaults.
    assert spec.decision == {} and spec.logits.no_gesture == ()
    assert spec.logits.role == spec.logits.name
