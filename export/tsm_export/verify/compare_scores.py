"""Compares the scores of a classification with those of its Keras model."""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.verify.table import Check
from tsm_keras.models.clip import build_clip_model, with_frame_logits
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import LOGITS

# The limits for an artifact compared with the Keras model: the maximum
# difference relative to the largest logit, and the minimum share of frames with
# the same top-1.
BARS = {
    "none": (1e-4, 0.995),
    "float16": (5e-2, 0.995),
    "dynamic": (np.inf, 0.98),
    "int8": (np.inf, 0.98),
    "int8_tensorrt": (np.inf, 0.98),
    "int8_qat": (np.inf, 0.98),
}
# The limits for a GPU that computes in float16 compared with the CPU. In int8 a
# small difference may become a whole step.
FLOAT16_BARS = BARS | {"none": (2e-2, 0.98), "float16": (2e-2, 0.98)}


@without_mixed_precision()
def reference(
    model: keras.Model, spec: ArtifactSpec, clips: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the logits of the Keras model for clips, by the head's name.

    For a stream they are `[B, T, num_classes]`, one row per frame; for a clip
    `[B, num_classes]`.
    """
    config = model.video_config.with_image_size(spec.image_size)
    model = rebuild(model, config, build_clip_model)
    network = tf.function(with_frame_logits(model), jit_compile=False)
    outputs = [network(clip[None].astype(np.float32)) for clip in clips]
    before = "frame_" if spec.kind == "stream" else ""
    return {
        head.name: np.concatenate(
            [found[before + keras_head.output] for found in outputs]
        )
        for head, keras_head in zip(spec.heads, config.heads, strict=True)
    }


def against_keras(
    spec: ArtifactSpec,
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
) -> Iterator[Check]:
    """Compares the logits of a trial with those of `reference`."""
    for head in spec.heads:
        yield from _check_parity(
            found[head.name], expected[head.name], spec, head
        )


def against_cpu(
    spec: ArtifactSpec,
    name: str,
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    *,
    is_float16: bool,
) -> Iterator[Check]:
    """Compares the logits of a GPU with those of the CPU.

    Args:
        spec: The spec of the artifact.
        name: The name of the check.
        found: The logits of the GPU, by the name of the head.
        expected: The logits of the CPU.
        is_float16: Whether the GPU computes in float16.
    """
    bars = FLOAT16_BARS if is_float16 else BARS
    for head in spec.heads:
        yield _compare(
            name + _of(head, spec),
            _outputs(found[head.name], head),
            _outputs(expected[head.name], head),
            bars[spec.quantization],
        )


def _check_parity(found, expected, spec, head) -> Iterator[Check]:
    def compare(name, *logits):
        outputs = (_outputs(each, head) for each in logits)
        return _compare(
            name + _of(head, spec), *outputs, BARS[spec.quantization]
        )

    yield compare("equals Keras", found, expected)
    # The logits of a clip are the mean of its frames' logits. Logits from
    # probabilities have an extra constant, which softmax removes.
    if spec.delay:
        # Every frame depends on later ones, so no shorter clip gives the same.
        yield compare(
            "equals the clip",
            *(each.mean(axis=1, keepdims=True) for each in (found, expected)),
        )
    elif spec.kind == "stream":
        count = np.arange(1, found.shape[1] + 1)[:, None]
        yield compare(
            "equals the clip, every prefix",
            *(np.cumsum(each, axis=1) / count for each in (found, expected)),
        )


def _of(head, spec):
    """Returns what the name of a check ends in: the head of several."""
    return f" ({head.name})" if len(spec.heads) > 1 else ""


def _compare(name, found, expected, bars):
    difference = np.abs(found - expected)
    scale = np.abs(expected).max()
    worst, mean = difference.max() / scale, difference.mean() / scale
    agreement = np.mean(found.argmax(-1) == expected.argmax(-1))
    passed = bool(worst <= bars[0] and agreement >= bars[1])
    wanted = ""
    if not passed:
        most = f"at most {bars[0]:.1e}, " if np.isfinite(bars[0]) else ""
        wanted = f" (wanted: {most}at least {bars[1]:.1%})"
    return Check(
        name,
        passed,
        f"max {worst:.1e}, mean {mean:.1e} of the largest output; top-1 agrees "
        f"on {agreement:.1%} of {found[..., 0].size}{wanted}",
    )


def _outputs(logits, head):
    """Converts logits to the network's own output, logits or probabilities."""
    return logits if head.role == LOGITS else tf.nn.softmax(logits).numpy()
