"""network_for_export: builds the network to convert, and calibration data."""

from collections.abc import Collection
from typing import Any

import numpy as np
from tensorflow import keras

from tsm_export.calibration import Feeds, streamed_states, whole_clips
from tsm_export.description import IMAGE_INPUTS
from tsm_export.heads import expect_labels
from tsm_keras.models.clip import to_single_clip
from tsm_keras.models.config import VideoDetectorConfig
from tsm_keras.models.streaming import to_streaming

KINDS = tuple(IMAGE_INPUTS)
INPUTS = ("float32", "uint8")
MAX_RANK = 4  # GPU delegates take no tensor with more axes.
CALIBRATED = ("int8", "int8_tensorrt")  # They measure ranges on real clips.


def network_for_export(
    model: keras.Model,
    *,
    kind: str,
    quantize: str,
    quantizations: Collection[str],
    streams: int,
    image_size: int | None,
    input_dtype: str | None,
    calibration_clips: np.ndarray | None,
    lookahead: bool = False,
    softmax: bool = False,
) -> tuple[keras.Model, Feeds | None]:
    """Checks the arguments and builds the network to convert.

    Args:
        model: A model from `build_clip_model` or `load_preset`.
        kind: `"stream"` or `"clip"`.
        quantize: One of `quantizations`.
        quantizations: The quantizations of the format.
        streams: N, the number of streams in one batch.
        image_size: S, in pixels; None for the size of the training.
        input_dtype: One of `INPUTS`, or None.
        calibration_clips: `[B, T, S, S, 3]` uint8 RGB clips.
        lookahead: Whether a stream waits for later frames.
        softmax: Whether the artifact gives probabilities instead of logits.

    Returns:
        The streaming or single-clip network, and for int8 the inputs for
        calibration (else None).

    Raises:
        ValueError: If an argument is not valid, the model cannot stream, takes
            optical flow or has no labels, or int8 has no calibration clips.
    """
    _expect("kind", kind, KINDS)
    _expect("quantize", quantize, tuple(quantizations))
    _expect("input_dtype", input_dtype, (None, *INPUTS))
    if kind == "clip" and streams != 1:
        raise ValueError(
            "`streams` must be 1 for an artifact of kind 'clip'. "
            f"Received: streams={streams}"
        )
    if kind == "clip" and lookahead:
        raise ValueError(
            "A clip holds all later frames: lookahead is for kind='stream'. "
            "Received: kind='clip', lookahead=True"
        )
    if streams < 1:
        raise ValueError(
            f"`streams` must be at least 1. Received: streams={streams}"
        )
    if quantize not in CALIBRATED:
        calibration_clips = None
    elif calibration_clips is None:
        raise ValueError(
            f"{quantize} needs `calibration_clips`, real clips to measure "
            "ranges on. Received: calibration_clips=None"
        )
    model.video_config.input.expect_rgb()
    expect_labels(model.video_config)
    if isinstance(model.video_config, VideoDetectorConfig):
        _expect_for_detector(quantize, softmax)
    feeds: Any = None
    is_late = lookahead and not model.video_config.can_stream
    if is_late and quantize == "int8_qat":
        raise ValueError(
            "A stream with lookahead has ranges that training did not measure: "
            "use int8, which measures them. Received: quantize='int8_qat', "
            "lookahead=True"
        )
    if kind == "stream" and quantize in CALIBRATED:
        _expect_bounded_caches(model.video_config.temporal)
    if kind == "stream":
        network = to_streaming(
            model, streams=streams, image_size=image_size, lookahead=lookahead
        )
        if calibration_clips is not None:
            feeds = streamed_states(network, calibration_clips)
    else:
        network = to_single_clip(model, image_size=image_size)
        if calibration_clips is not None:
            feeds = whole_clips(calibration_clips)
    return network, feeds


def _expect_for_detector(quantize, softmax):
    if quantize == "int8_qat":
        raise ValueError(
            "A detector cannot be trained with quantization: use int8, which "
            "measures ranges. Received: quantize='int8_qat'"
        )
    if softmax:
        raise ValueError(
            "The scores of a detector are sigmoids of its heatmap, which a "
            "reader computes. Received: softmax=True"
        )


def _expect_bounded_caches(temporal):
    """Refuses caches that grow with the stream: int8 has no range for them."""
    if temporal.operator == "conv3d" and temporal.seen == "past":
        raise ValueError(
            "A network that averages over all frames so far keeps their sum in "
            "its caches, which int8 cannot hold: train with context='frame', "
            "or use quantize='none' or 'float16' (--quantize). "
            "Received: context='past'"
        )


def _expect(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}"
        )
