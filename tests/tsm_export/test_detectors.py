"""Detectors in artifacts: each frame's outputs are those of the clip model."""

import dataclasses
import functools

import numpy as np
import pytest

from testing.artifacts import detector_artifact, random_clips
from testing.gpu import require_gpu
from testing.models import random_detector
from testing.numerics import relative_error
from testing.streams import stream_outputs
from tsm_export import export_tflite
from tsm_export.verify import compare_boxes
from tsm_export.verify.checks import verify
from tsm_export.verify.trial import run_trial
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.streaming import to_streaming
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.file import load_artifact, read_spec
from tsm_live.artifact.tensors import DETECTION_ROLES

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

# The largest relative difference of two float32 computations. Random weights
# enlarge the rounding to about 1e-4; another frame differs by more than 1e-2.
_FLOAT32 = 5e-4


def _clips(count=2):
    return random_clips(count, random_detector(), seed=3)


@functools.cache
def _prefixes():
    """Returns the outputs of one clip model per length, by length."""
    model = random_detector()
    found = {}
    for length in range(1, 5):
        config = model.video_config.changed(num_segments=length)
        network = rebuild(model, config, build_clip_model)
        clips = _clips()[:, :length].astype(np.float32)
        outputs = network(clips, training=False)
        found[length] = {role: outputs[role].numpy() for role in outputs}
    return found


def _streamed(runtime):
    """Returns the outputs `[B, T, h, w, channels]` of a stream, by role."""
    if runtime == "Keras":
        clips = _clips().astype(np.float32)
        return stream_outputs(to_streaming(random_detector(), streams=2), clips)
    suffix = ".onnx" if runtime == "ONNX" else ".tflite"
    spec, content = load_artifact(detector_artifact(suffix))
    options = {}
    if runtime == "GPU":
        options = {
            "accelerator": "gpu",
            "enforce_float32": True,
            "environment": require_gpu(),
        }
    return run_trial(spec, content, _clips(), **options).logits


@pytest.mark.parametrize(
    "runtime",
    [
        "Keras",
        "TFLite",
        pytest.param("GPU", marks=pytest.mark.slow),
        pytest.param("ONNX", marks=pytest.mark.slow),
    ],
)
def test_streams_equal_the_clip_model_of_every_prefix(runtime):
    streamed = _streamed(runtime)
    assert {*streamed} == {*DETECTION_ROLES}
    for length, expected in _prefixes().items():
        for role, values in expected.items():
            found = streamed[role][:, :length]
            assert relative_error(found, values) <= _FLOAT32, (length, role)


@pytest.mark.parametrize(
    "kind", ["stream", pytest.param("clip", marks=pytest.mark.slow)]
)
def test_artifacts_say_what_they_hold_and_see_time(kind):
    spec, content = load_artifact(detector_artifact(kind=kind))
    assert (spec.task, spec.kind) == ("detection", kind)
    assert spec.labels == ("ball", "left", "right")
    assert dataclasses.astuple(spec.detection) == (8, 0.3, 100)
    assert [result.role for result in spec.results] == list(DETECTION_ROLES)
    found = run_trial(spec, content, _clips()).logits
    assert found["heatmap"].shape == (2, 4, 8, 8, 3)
    for role, values in _prefixes()[4].items():
        assert relative_error(found[role], values) <= _FLOAT32
    # The first frame alone gives something else than after the others.
    alone = run_trial(spec, content, _clips()[:, ::-1]).logits["heatmap"]
    assert relative_error(alone[:, 0], found["heatmap"][:, -1]) > 0.01


@pytest.mark.slow
def test_float16_halves_the_file_and_gives_nearly_the_same(tmp_path):
    path = tmp_path / "float16.tflite"
    export_tflite(random_detector(), path, quantize="float16")
    size = detector_artifact().stat().st_size
    assert path.stat().st_size < 0.6 * size
    spec, content = load_artifact(path)
    assert (spec.task, spec.quantization) == ("detection", "float16")
    found = run_trial(spec, content, _clips()).logits
    # Random weights enlarge the rounding of float16, as they do in float32, so
    # that single values differ much more than the others.
    for role, values in _prefixes()[4].items():
        error = np.linalg.norm(found[role] - values)
        assert 0 < error < 0.2 * np.linalg.norm(values), role


@pytest.mark.slow
def test_int8_ties_its_caches_and_stores_its_threshold(tmp_path):
    path = tmp_path / "int8.tflite"
    export_tflite(
        random_detector(),
        path,
        quantize="int8",
        calibration_clips=_clips(),
        decision={"threshold": 0.25, "top": 7},
    )
    spec, content = load_artifact(path)
    assert {tensor.dtype for tensor in spec.tensors} == {"int8"}
    assert dataclasses.astuple(spec.detection) == (8, 0.25, 7)
    clips = _clips()
    found = run_trial(spec, content, clips, soak_frames=20)
    assert found.recovered
    # Rounding is coarse in a random network; what is compared is the whole.
    expected = compare_boxes.reference(random_detector(), spec, clips)
    for role in DETECTION_ROLES:
        error = np.linalg.norm(found.logits[role] - expected[role])
        assert error < 0.5 * np.linalg.norm(expected[role])


def test_verify_compares_boxes(monkeypatch):
    monkeypatch.setattr(
        "tsm_export.verify.checks.gpu_environment", lambda: None
    )
    model = random_detector()
    path = detector_artifact()
    rows = {
        row.name: row for row in verify(path, model, _clips(), soak_frames=20)
    }
    row = rows["equals Keras, every frame"]
    assert row.passed and "100.0% of" in row.detail
    assert rows["soak of 20 frames"].passed and rows["lint"].passed
    # Other weights find other boxes.
    spec = read_spec(path)
    wrong = {
        role: np.roll(values, 2, axis=2)
        for role, values in compare_boxes.reference(
            model, spec, _clips()
        ).items()
    }
    right = compare_boxes.reference(model, spec, _clips())
    (check,) = compare_boxes.against_keras(spec, wrong, right)
    assert not check.passed and "(wanted: " in check.detail
    (check,) = compare_boxes.against_keras(spec, right, right)
    assert check.passed and check.detail.startswith("max 0.0e+00")
    # A NaN where there is no box.
    sizes = right["box_size"].copy()
    sizes[0, 0, 0, 0, 0] = np.nan
    (check,) = compare_boxes.against_keras(
        spec, right | {"box_size": sizes}, right
    )
    assert not check.passed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"softmax": True}, "sigmoids of its heatmap.*Received: softmax"),
        ({"quantize": "int8_qat"}, "use int8.*Received: quantize='int8_qat'"),
        ({"lookahead": True, "kind": "clip"}, "lookahead is for kind='stream'"),
    ],
)
def test_what_a_detector_cannot_have_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export_tflite(random_detector(), tmp_path / "a.tflite", **options)
    assert not list(tmp_path.iterdir())
