"""Compares the boxes of a detector with those of its Keras model."""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.verify.matched_boxes import largest_difference, matched_boxes
from tsm_export.verify.table import Check
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import DETECTION_ROLES

# The limits for an artifact compared with the Keras model: the maximum
# difference relative to the largest value of each output, and the minimum share
# of boxes that the other one has found as well.
_BARS = {
    "none": (5e-4, 0.995),
    "float16": (5e-2, 0.99),
    "dynamic": (np.inf, 0.95),
    "int8": (np.inf, 0.95),
    "int8_tensorrt": (np.inf, 0.95),
}
# A GPU that computes in float16, compared with the CPU.
_FLOAT16_BARS = _BARS | {"none": (2e-2, 0.98), "float16": (2e-2, 0.98)}


@without_mixed_precision()
def reference(
    model: keras.Model, spec: ArtifactSpec, clips: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the outputs of the Keras model, `[B, T, h, w, channels]`."""
    config = model.video_config.with_image_size(spec.image_size)
    network = tf.function(
        rebuild(model, config, build_clip_model), jit_compile=False
    )
    outputs = [network(clip[None].astype(np.float32)) for clip in clips]
    return {
        role: np.concatenate([found[role] for found in outputs])
        for role in DETECTION_ROLES
    }


def against_keras(
    spec: ArtifactSpec,
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
) -> Iterator[Check]:
    """Compares the outputs of a trial with those of `reference`.

    The outputs of each frame of a clip depend on no later frame. So a stream
    that equals the clip at each frame equals every prefix of it.
    """
    yield _compare(spec, "equals Keras, every frame", found, expected, _BARS)


def against_cpu(
    spec: ArtifactSpec,
    name: str,
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    *,
    is_float16: bool,
) -> Iterator[Check]:
    """Compares the outputs of a GPU with those of the CPU.

    Args:
        spec: The spec of the artifact.
        name: The name of the check.
        found: The outputs of the GPU, by their role.
        expected: The outputs of the CPU.
        is_float16: Whether the GPU computes in float16.
    """
    bars = _FLOAT16_BARS if is_float16 else _BARS
    yield _compare(spec, name, found, expected, bars)


def _compare(spec, name, found, expected, bars):
    worst, least = bars[spec.quantization]
    difference = largest_difference(found, expected)
    matched, total = matched_boxes(spec, found, expected)
    agreement = matched / total if total else 1.0
    passed = difference <= worst and agreement >= least
    wanted = ""
    if not passed:
        most = f"at most {worst:.1e}, " if np.isfinite(worst) else ""
        wanted = f" (wanted: {most}at least {least:.1%})"
    compared = f"{agreement:.1%} of {total} boxes matched"
    if not total:
        compared = "no score reaches the threshold, so no boxes were compared"
    return Check(
        name,
        bool(passed),
        f"max {difference:.1e} of the largest value; {compared}{wanted}",
    )
