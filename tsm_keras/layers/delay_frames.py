"""DelayFrames: moves the frames of a clip in time."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.fold_time import fold_time
from tsm_keras.layers.unfold_time import positive_integer, unfold_time


@keras.utils.register_keras_serializable(package="tsm_keras")
class DelayFrames(keras.layers.Layer):
    """Replaces each frame of a clip by an earlier or a later one.

    Frames from before the start or after the end of the clip are zero.

    Example:
    >>> frames = tf.constant([[1.0], [2.0], [3.0]])  # One clip of 3 frames.
    >>> DelayFrames(num_segments=3, frames=1)(frames).numpy().ravel()
    array([0., 1., 2.], dtype=float32)

    Args:
        num_segments: Frames per clip, T. A positive integer.
        frames: The number of frames by which the clip is delayed; a negative
            number takes later frames.

    Input shape: `[B * T, ...]`, any dtype; the frames of a clip are adjacent
        and in order.
    Output shape: that of the input.
    """

    def __init__(self, num_segments: int, frames: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_segments = positive_integer("num_segments", num_segments)
        self.frames = frames

    def call(self, inputs):
        return delay_frames(inputs, self.num_segments, self.frames)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "frames": self.frames,
        }


def delay_frames(
    inputs: tf.Tensor, num_segments: int, frames: int
) -> tf.Tensor:
    """Delays clips whose time is folded into the batch; see `DelayFrames`."""
    if frames == 0:
        return inputs
    if inputs.shape[0] == num_segments:
        # The batch is one clip, so its axis is time. GPU delegates refuse the
        # fifth axis that unfolding would add.
        return delay(inputs, frames, axis=0)
    return fold_time(delay(unfold_time(inputs, num_segments), frames, axis=1))


def delay(clips: tf.Tensor, frames: int, axis: int) -> tf.Tensor:
    """Delays clips along their time axis, filling up with zeros.

    Args:
        clips: A tensor whose size along `axis` is known.
        frames: The number of frames to delay by; a negative number takes later
            frames.
        axis: The time axis.
    """
    length = clips.shape[axis]
    moved = min(abs(frames), length)
    if moved == 0:
        return clips

    def rows(start, stop):
        return clips[(slice(None),) * axis + (slice(start, stop),)]

    zeros = tf.zeros_like(rows(0, moved))
    if frames > 0:
        return tf.concat([zeros, rows(0, length - moved)], axis)
    return tf.concat([rows(moved, length), zeros], axis)
