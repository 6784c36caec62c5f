"""TemporalShift: exchanges channels between neighbouring frames."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.delay_frames import delay
from tsm_keras.layers.fold_time import fold_time
from tsm_keras.layers.unfold_time import positive_integer, unfold_time

# The frame that each fold of channels is taken from: +1 is the next frame, -1
# the previous one. Weights of the reference code (ops/temporal_shift.py) need
# this order of the folds.
OFFSETS = {"bidirectional": (+1, -1), "causal": (-1,)}


@keras.utils.register_keras_serializable(package="tsm_keras")
class TemporalShift(keras.layers.Layer):
    """Shifts some channels of clips by one frame in time.

    A bidirectional shift takes `fold = channels // shift_div` channels from the
    next frame and as many from the previous one; a causal shift takes `fold`
    channels from the previous frame only. Frames from before the start or after
    the end of the clip are zero. The layer has no weights. See Lin, Gan, Han,
    "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019,
    sections 3 and 4.

    Example:
    >>> frames = tf.random.uniform([2 * 8, 56, 56, 24])  # 2 clips of 8 frames
    >>> TemporalShift(num_segments=8)(frames).shape
    TensorShape([16, 56, 56, 24])

    Args:
        num_segments: Frames per clip, T. A positive integer.
        shift_div: The fold is `channels // shift_div`. A positive integer.
        direction: `"bidirectional"` or `"causal"`.

    Input shape: `[B * T, ..., C]`, any float dtype; the frames of a clip are
        adjacent and in order.
    Output shape: that of the input.

    Raises:
        ValueError: If an argument is invalid, the input has fewer than
            `shift_div` channels (nothing would be shifted) or fewer channels
            than are to be shifted, or the batch is not a multiple of T.
    """

    def __init__(
        self,
        num_segments: int,
        shift_div: int = 8,
        direction: str = "bidirectional",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if direction not in OFFSETS:
            raise ValueError(
                f"`direction` must be one of {sorted(OFFSETS)}. "
                f"Received: direction={direction!r}"
            )
        self.num_segments = positive_integer("num_segments", num_segments)
        self.shift_div = positive_integer("shift_div", shift_div)
        self.direction = direction

    def build(self, input_shape):
        batch, channels = input_shape[0], input_shape[-1]
        fold = channel_fold(channels, self.shift_div)
        shifted = fold * len(OFFSETS[self.direction])
        if shifted > channels:
            raise ValueError(
                f"A {self.direction} shift moves {shifted} channels; the input "
                "has fewer. Use a larger `shift_div`. Received: "
                f"shift_div={self.shift_div}, input_shape={input_shape}"
            )
        if batch is not None and batch % self.num_segments:
            raise ValueError(
                "The batch must be a multiple of `num_segments`. Received: "
                f"input_shape={input_shape}, num_segments={self.num_segments}"
            )
        self.built = True

    def call(self, inputs):
        fold = channel_fold(inputs.shape[-1], self.shift_div)
        offsets = OFFSETS[self.direction]
        if inputs.shape[0] == self.num_segments:
            # The batch is one clip, so its axis is time. GPU delegates refuse
            # the fifth axis that unfolding would add.
            return _shift(inputs, fold, offsets, axis=0)
        clips = unfold_time(inputs, self.num_segments)
        return fold_time(_shift(clips, fold, offsets, axis=1))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "shift_div": self.shift_div,
            "direction": self.direction,
        }


def channel_fold(channels: int, shift_div: int) -> int:
    """Returns the number of channels in one fold, `channels // shift_div`.

    Raises:
        ValueError: If the fold is zero, or `shift_div` is not a positive
            integer.
    """
    fold = channels // positive_integer("shift_div", shift_div)
    if fold == 0:
        raise ValueError(
            "The fold `channels // shift_div` is zero, so nothing would be "
            "shifted: use a smaller `shift_div` or a wider network. "
            f"Received: channels={channels}, shift_div={shift_div}"
        )
    return fold


def _shift(clips, fold, offsets, axis):
    """Shifts clips along the time `axis`; the gradient is the opposite shift.

    Automatic differentiation would pad every slice to full size and add the
    results. This gradient costs no more than the shift itself.
    """

    @tf.custom_gradient
    def shifted(clips):
        opposite = tuple(-offset for offset in offsets)
        return (
            _take_neighbours(clips, fold, offsets, axis),
            lambda upstream: _shift(upstream, fold, opposite, axis),
        )

    return shifted(clips)


def _take_neighbours(clips, fold, offsets, axis):
    parts = [
        delay(clips[..., index * fold : (index + 1) * fold], -offset, axis)
        for index, offset in enumerate(offsets)
    ]
    parts.append(clips[..., len(offsets) * fold :])
    return tf.concat(parts, axis=-1)
