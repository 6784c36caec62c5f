"""Makes small artifacts of random networks, each only once."""

import functools
import pathlib
import tempfile

import numpy as np

from testing.models import (
    random_clip_model,
    random_detector,
    randomize,
    small_config,
)
from tsm_export import export_onnx, export_tflite
from tsm_export.tflite import export as tflite_export
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig
from tsm_live.artifact.file import load_artifact

LABELS = tuple("abcdefg")
VERB = HeadConfig(3, ("none", "open", "close"), name="verb")
NOUN = HeadConfig(4, ("hand", "door", "none", "drawer"), name="noun")


@functools.cache
def _holder():
    # The object lives as long as the cache, until the tests end.
    return tempfile.TemporaryDirectory()


@functools.cache
def random_artifact(
    backbone="mobilenet_v2", quantize="none", shift="causal", **options
):
    """Returns an artifact of `clip_model`. Shared: do not change."""
    name = "_".join(map(str, (backbone, quantize, shift, *options.values())))
    path = pathlib.Path(_holder().name) / f"{name}.tflite"
    model = clip_model(backbone, shift)
    export_tflite(
        model,
        path,
        quantize=quantize,
        calibration_clips=(
            random_clips(2, model, seed=9) if quantize == "int8" else None
        ),
        **options,
    )
    return path


def reuse_conversion(monkeypatch):
    """Lets `export_tflite(clip_model(), path)` skip the converter.

    It takes what the converter returned for `random_artifact`, because a
    conversion takes seconds. The rest of the export runs as it is.
    """
    _, content = load_artifact(random_artifact())
    monkeypatch.setattr(tflite_export, "convert", lambda *_, **__: content)


def random_onnx(quantize="none", backbone="mobilenet_v2", **options):
    """Returns an ONNX artifact of `clip_model`. Shared: do not change."""
    name = "_".join(map(str, (backbone, quantize, *options.values())))
    path = pathlib.Path(_holder().name) / f"{name}.onnx"
    if not path.exists():
        model = clip_model(backbone)
        clips = random_clips(2, model, seed=9)
        export_onnx(
            model, path, quantize=quantize, calibration_clips=clips, **options
        )
    return path


def clip_model(backbone="mobilenet_v2", shift="causal"):
    """Returns the labelled random network behind `random_artifact`."""
    return random_clip_model(backbone, shift=shift, labels=LABELS)


@functools.cache
def two_head_model():
    """Returns a random causal clip model with a verb and a noun."""
    config = small_config().changed(heads=(VERB, NOUN))
    model = build_clip_model(config, return_frame_logits=True)
    randomize(model, seed=5)
    return model


@functools.cache
def two_head_artifact(quantize="none", suffix=".tflite", **options):
    """Returns an artifact of `two_head_model`. Shared: do not change."""
    names = "two_heads", quantize, *map(str, options.values())
    path = pathlib.Path(_holder().name) / f"{'_'.join(names)}{suffix}"
    export = export_onnx if suffix == ".onnx" else export_tflite
    model = two_head_model()
    clips = random_clips(2, model, seed=9)
    export(model, path, quantize=quantize, calibration_clips=clips, **options)
    return path


def detector_artifact(suffix=".tflite", kind="stream"):
    """Returns an artifact of `random_detector`. Shared: do not change."""
    path = pathlib.Path(_holder().name) / f"detector_{kind}{suffix}"
    if not path.exists():
        export = export_onnx if suffix == ".onnx" else export_tflite
        export(random_detector(), path, kind=kind)
    return path


def random_clips(count, model, seed=0):
    """Returns `[B, T, S, S, 3]` uint8 clips in which all frames differ."""
    rng = np.random.default_rng(seed)
    shape = (count, *model.inputs[0].shape[1:])
    return rng.integers(0, 256, shape, np.uint8)
