"""SliceChannels and ConcatenateChannels: take channels apart and join them."""

from typing import Any

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class SliceChannels(keras.layers.Layer):
    """Takes the channels from `start` to `stop`, without `stop` itself.

    Example:
    >>> SliceChannels(0, 3)(tf.zeros([1, 56, 56, 24])).shape
    TensorShape([1, 56, 56, 3])

    Args:
        start: The first channel that is taken, at least 0.
        stop: The first channel after the range, more than `start`.

    Input shape: `[..., C]` with at least `stop` channels, any dtype.
    Output shape: `[..., stop - start]`.

    Raises:
        ValueError: If the range is empty or goes beyond the channels.
    """

    def __init__(self, start: int, stop: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= start < stop:
            raise ValueError(
                "`start` and `stop` must be a range of channels that is not "
                f"empty. Received: start={start}, stop={stop}"
            )
        self.start = start
        self.stop = stop

    def build(self, input_shape):
        if input_shape[-1] < self.stop:
            raise ValueError(
                f"The input must have at least {self.stop} channels. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        self.built = True

    def call(self, inputs):
        return inputs[..., self.start : self.stop]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.stop - self.start)

    def get_config(self):
        return {**super().get_config(), "start": self.start, "stop": self.stop}


@keras.utils.register_keras_serializable(package="tsm_keras")
class ConcatenateChannels(keras.layers.Layer):
    """Concatenates tensors along their last axis.

    Quantization-aware training must tell it from `keras.layers.Concatenate`:
    its inputs are slices of one tensor, so its output keeps the quantization
    range of that tensor. Therefore it has a class of its own.

    Example:
    >>> parts = tf.zeros([1, 56, 56, 3]), tf.zeros([1, 56, 56, 21])
    >>> ConcatenateChannels()(parts).shape
    TensorShape([1, 56, 56, 24])

    Input shape: a list of tensors `[..., C_i]` of the same dtype, which differ
        in their last axis only.
    Output shape: `[..., C_0 + C_1 + ...]`.
    """

    def call(self, inputs):
        return tf.concat(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        channels = sum(shape[-1] for shape in input_shape)
        return (*input_shape[0][:-1], channels)
