"""Convolutions in time as artifacts: streams, clips, int8 and the GPU."""

import numpy as np
import pytest

from testing.models import (
    logits_of,
    random_clip_model,
    random_clips,
    randomize,
    small_config,
)
from testing.numerics import relative_error
from tsm_export.tflite.export import export_tflite
from tsm_export.tflite.lint import lint
from tsm_export.verify.gpu import gpu_environment
from tsm_export.verify.trial import run_trial
from tsm_keras.models.clip import build_clip_model
from tsm_live.artifact.file import load_artifact

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

LABELS = tuple("abcdefg")
NETWORKS = {
    "x3d": {"backbone": "x3d"},
    "x3d_past": {
        "backbone": "x3d",
        "context": "past",
        "activation": "hard_swish",
    },
    "mixtconv": {"operator": "mixtconv"},
    "ordinary": {"operator": "conv1d", "kernels": (3,)},
}


def cases(*fast):
    return [
        name if name in fast else pytest.param(name, marks=pytest.mark.slow)
        for name in NETWORKS
    ]


def export(tmp_path, fields, **arguments):
    """Returns the model, the artifact's spec and content, and two clips."""
    model = random_clip_model(**fields, labels=LABELS)
    path = tmp_path / "model.tflite"
    export_tflite(model, path, **arguments)
    clips = random_clips(model.video_config, clips=2).astype(np.uint8)
    return model, *load_artifact(path), clips


@pytest.mark.parametrize("name", cases("x3d"))
def test_a_stream_equals_the_clip_model(name, tmp_path):
    """Frame by frame in LiteRT, on the CPU and on a GPU alone."""
    model, spec, content, clips = export(tmp_path, NETWORKS[name])
    assert lint(content) == []
    _, expected = logits_of(model, clips.astype(np.float32))
    trial = run_trial(spec, content, clips)
    assert relative_error(trial.logits["logits"], expected) <= 1e-4
    environment = gpu_environment()
    if environment is not None:
        trial = run_trial(
            spec, content, clips, accelerator="gpu", environment=environment
        )
        assert relative_error(trial.logits["logits"], expected) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [{"backbone": "x3d", "causal": False}, {"operator": "mixtconv"}],
    ids=["x3d", "mixtconv"],
)
def test_a_clip_has_no_tensor_of_five_axes(fields, tmp_path):
    model, spec, content, clips = export(tmp_path, fields, kind="clip")
    assert lint(content) == []
    expected, _ = logits_of(model, clips.astype(np.float32))
    trial = run_trial(spec, content, clips)
    assert relative_error(trial.logits["logits"], expected) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"backbone": "x3d", "activation": "hard_swish"},
        {"operator": "mixtconv"},
    ],
    ids=["x3d", "mixtconv"],
)
def test_int8_is_close_although_clips_are_shorter_than_caches(fields, tmp_path):
    """A kernel of MixTConv covers 7 frames, and a clip has 4.

    A random network rounds badly: without any mixing, MobileNetV2's logits are
    0.24 off in this measure.
    """
    clips = random_clips(small_config(**fields), clips=4).astype(np.uint8)
    model, spec, content, clips = export(
        tmp_path, fields, quantize="int8", calibration_clips=clips
    )
    assert lint(content) == []
    _, expected = logits_of(model, clips.astype(np.float32))
    found = run_trial(spec, content, clips).logits["logits"]
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error <= 0.36  # One and a half times as much.


def test_int8_refuses_caches_that_grow(tmp_path):
    config = small_config("x3d", context="past", labels=LABELS)
    model = build_clip_model(config)
    randomize(model, seed=0)
    clips = random_clips(config).astype(np.uint8)
    with pytest.raises(ValueError, match="int8 cannot hold.*context='past'"):
        export_tflite(
            model,
            tmp_path / "model.tflite",
            quantize="int8",
            calibration_clips=clips,
        )
