"""SliceChannels, SplitChannels, ConcatenateChannels: slice, split and join."""

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.unfold_time import positive_integer


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
class SplitChannels(keras.layers.Layer):
    """Splits the channels into contiguous groups.

    It computes what one `SliceChannels` per group does, and trains faster: its
    gradient joins the gradients of the groups. Automatic differentiation would
    pad that of each slice to full size and add the results.

    Example:
    >>> small, large = SplitChannels((3, 21))(tf.zeros([1, 56, 56, 24]))
    >>> small.shape, large.shape
    (TensorShape([1, 56, 56, 3]), TensorShape([1, 56, 56, 21]))

    Args:
        sizes: The number of channels of each group, positive integers.

    Input shape: `[..., C]`, any float dtype; C is the sum of the sizes.
    Output shape: a tuple of `[..., size]`, one per group.

    Raises:
        ValueError: If a size is not a positive integer, or their sum is not C.
    """

    def __init__(self, sizes: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.sizes = tuple(positive_integer("sizes", size) for size in sizes)

    def build(self, input_shape):
        if input_shape[-1] != sum(self.sizes):
            raise ValueError(
                "The sum of `sizes` must be the number of channels. Received: "
                f"sizes={self.sizes}, input_shape={tuple(input_shape)}"
            )
        self.built = True

    def call(self, inputs):
        ends = itertools.accumulate(self.sizes, initial=0)
        groups = tuple(itertools.pairwise(ends))

        # In LiteRT these are the operations of `SliceChannels`; `tf.split`
        # would be another one.
        @tf.custom_gradient
        def split(x):
            parts = tuple(x[..., start:stop] for start, stop in groups)
            return parts, lambda *upstream: tf.concat(upstream, axis=-1)

        return split(inputs)

    def compute_output_shape(self, input_shape):
        return tuple((*input_shape[:-1], size) for size in self.sizes)

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes}


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
