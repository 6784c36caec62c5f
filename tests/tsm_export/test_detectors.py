"""Detectors in artifacts: each frame's outputs are those of the clip model."""

import dataclasses

import numpy as np
import pytest

from testing.artifacts import detector_artifact, random_clips
from testing.gpu import require_gpu
from testing.models import random_detector
from tsm_export import export_tflite
from tsm_export.verify import compare_boxes
from tsm_export.verify.checks import verify
from tsm_export.verify.trial import run_trial
from tsm_live.artifact.file import load_artifact, read_spec
from tsm_live.artifact.tensors import DETECTION_ROLES

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only


def _clips(count=2):
    return random_clips(count, random_detector(), seed=3)


def _assert_near(found, expected, tolerance):
    for role in DETECTION_ROLES:
        error = np.abs(found[role] - expected[role]).max()
        assert error <= tolerance * np.abs(expected[role]).max(), role


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".tflite", "stream"),
        pytest.param(".tflite", "clip", marks=pytest.mark.slow),
        pytest.param(".onnx", "stream", marks=pytest.mark.slow),
    ],
)
def test_every_frame_is_that_of_the_clip_model(suffix, kind):
    """The clip model is causal: so each prefix gives the same, too."""
    path = detector_artifact(suffix, kind)
    spec, content = load_artifact(path)
    assert (spec.task, spec.kind) == ("detection", kind)
    assert spec.labels == ("ball", "left", "right")
    assert dataclasses.astuple(spec.detection) == (8, 0.3, 100)
    assert [result.role for result in spec.results] == list(DETECTION_ROLES)
    clips = _clips()
    found = run_trial(spec, content, clips).logits
    expected = compare_boxes.reference(random_detector(), spec, clips)
    assert expected["heatmap"].shape == (2, 4, 8, 8, 3)
    _assert_near(found, expected, 5e-4)
    # The network does see time: the first frame alone gives something else.
    alone = run_trial(spec, content, clips[:, ::-1]).logits["heatmap"]
    last = found["heatmap"][:, -1]
    assert np.abs(alone[:, 0] - last).max() > 0.01 * np.abs(last).max()


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


@pytest.mark.slow
def test_the_gpu_runs_all_of_it_and_agrees():
    spec, content = load_artifact(detector_artifact())
    clips = _clips(1)
    on_gpu = run_trial(
        spec,
        content,
        clips,
        accelerator="gpu",
        enforce_float32=True,
        environment=require_gpu(),
    )
    on_cpu = run_trial(spec, content, clips)
    _assert_near(on_gpu.logits, on_cpu.logits, 5e-4)


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
