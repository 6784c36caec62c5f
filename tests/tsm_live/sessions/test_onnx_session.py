import json

import numpy as np
import onnxruntime
import pytest

from testing.artifacts import (
    clip_model,
    random_artifact,
    random_clips,
    random_onnx,
)
from testing.numerics import relative_error
from tsm_live import ArtifactError, OnnxSession, StreamingSession, open_session
from tsm_live.artifact.file import load_artifact, read_spec
from tsm_live.runtimes.network import check_tensors
from tsm_live.runtimes.onnx_network import OnnxNetwork, executors


def _frames(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 90, 120, 3), np.uint8)


@pytest.mark.parametrize("quantize", ["none", "float16"])
def test_says_what_litert_says(quantize):
    """Resizing, cropping and colors included, over three caches' swaps."""
    sessions = (
        OnnxSession(random_onnx(quantize)),
        StreamingSession(random_artifact()),
    )
    tolerance = {"none": 1e-4, "float16": 4e-2}[quantize]
    for frame in _frames(5):
        found, expected = (s.step(frame, color="bgr") for s in sessions)
        assert relative_error(found.logits, expected.logits) <= tolerance
    assert found.label == expected.label


def test_reset_starts_anew_after_an_odd_and_an_even_number_of_frames():
    session = OnnxSession(random_onnx())
    frames = _frames(4)
    fresh = [session.step(frame).logits for frame in frames]
    for steps in (1, 2):
        session.reset()
        again = [session.step(frame).logits for frame in frames[:steps]]
        np.testing.assert_array_equal(again, fresh[:steps])
    assert not np.array_equal(session.step(frames[0]).logits, fresh[0])


def test_logits_are_the_callers_to_keep():
    session = OnnxSession(random_onnx())
    first = session.step(_frames(1)[0]).logits
    kept = first.copy()
    session.step(_frames(1, seed=1)[0])
    np.testing.assert_array_equal(first, kept)


def test_a_bound_network_equals_the_clip_model_for_two_streams():
    path = random_onnx(input_dtype="uint8", softmax=True, streams=2)
    model = clip_model()
    network = OnnxNetwork(*load_artifact(path))
    clips = random_clips(2, model, seed=4)
    logits = model(clips)["frame_logits"].numpy()
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for time in range(clips.shape[1]):
        network.frame()[...] = clips[:, time].transpose(0, 3, 1, 2)
        (found,) = network.run()
        assert relative_error(found, expected[:, time]) <= 1e-4


def test_the_suffix_chooses_the_session():
    assert isinstance(open_session(random_onnx()), OnnxSession)
    assert isinstance(open_session(random_artifact()), StreamingSession)


def test_a_session_refuses_what_it_cannot_run():
    with pytest.raises(ArtifactError, match="for clips|kind 'clip'"):
        OnnxSession(random_onnx(kind="clip"))
    with pytest.raises(ArtifactError, match="`OnnxSession` runs .onnx files"):
        StreamingSession(random_onnx())
    with pytest.raises(FileNotFoundError):
        OnnxSession("nowhere.onnx")


def test_tensors_that_are_not_the_specs_are_refused():
    spec = read_spec(random_onnx())
    found = {tensor.name: tensor.bare for tensor in spec.tensors}
    check_tensors(spec.tensors, found)
    del found["cache_03_out"]
    with pytest.raises(ArtifactError, match=r"cache_03_out.*Received: None"):
        check_tensors(spec.tensors, found)


def test_cuda_is_reported_only_where_it_runs_the_network(tmp_path):
    """Asked for, it is not there: ONNX Runtime takes the CPU without a word."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = OnnxSession(random_onnx(), providers=providers)
    expected = OnnxSession(random_onnx()).step(_frames(1)[0]).logits
    np.testing.assert_array_equal(session.step(_frames(1)[0]).logits, expected)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        assert session.accelerator == "cpu"
    assert OnnxSession(random_onnx()).accelerator == "cpu"


def test_a_profile_tells_what_ran_the_operators(tmp_path):
    def found(*providers):
        events = [{"name": "session"}, {"args": {}}]
        events += [{"args": {"provider": provider}} for provider in providers]
        path = tmp_path / "profile.json"
        path.write_text(json.dumps(events))
        return executors(path)

    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    assert found(cpu) == "cpu" and found(cuda, cuda) == "cuda"
    assert found(cpu, cuda) == "cuda and cpu"
