"""UnfoldTime: turns a batch of frames into clips again."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.fold_time import reshape_leading


@keras.utils.register_keras_serializable(package="tsm_keras")
class UnfoldTime(keras.layers.Layer):
    """Splits the batch into clips of T frames, which undoes `FoldTime`.

    Example:
    >>> UnfoldTime(num_segments=8)(tf.zeros([16, 10])).shape
    TensorShape([2, 8, 10])

    Args:
        num_segments: Frames per clip, T. A positive integer.

    Input shape: `[B * T, ...]`, any dtype.
    Output shape: `[B, T, ...]`.

    Raises:
        ValueError: If `num_segments` is not a positive integer.
    """

    def __init__(self, num_segments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_segments = positive_integer("num_segments", num_segments)

    def call(self, inputs):
        return unfold_time(inputs, self.num_segments)

    def compute_output_shape(self, input_shape):
        batch, *rest = input_shape
        clips = None if batch is None else batch // self.num_segments
        return (clips, self.num_segments, *rest)

    def get_config(self):
        return {**super().get_config(), "num_segments": self.num_segments}


def unfold_time(frames: tf.Tensor, num_segments: int) -> tf.Tensor:
    """Reshapes `[B * T, ...]` to `[B, T, ...]`."""
    return reshape_leading(frames, replaced_axes=1, leading=[-1, num_segments])


def positive_integer(name: str, value: int) -> int:
    """Returns `value`; raises ValueError if it is not a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )
    return value
