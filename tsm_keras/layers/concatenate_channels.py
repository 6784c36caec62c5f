"""ConcatenateChannels: several tensors become one, channel after channel."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class ConcatenateChannels(keras.layers.Layer):
    """Concatenates tensors along their last axis.

    It is a class of its own, and not `keras.layers.Concatenate`, so that
    quantization-aware training can tell it apart: what it joins was cut from
    one tensor, and keeps that tensor's range.

    Example:
    >>> parts = tf.zeros([1, 56, 56, 3]), tf.zeros([1, 56, 56, 21])
    >>> ConcatenateChannels()(parts).shape
    TensorShape([1, 56, 56, 24])

    Input shape: a list of tensors `[..., C_i]` that differ in their last axis
        only, of the same dtype.
    Output shape: `[..., C_0 + C_1 + ...]`.
    """

    def call(self, inputs):
        return tf.concat(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        channels = sum(shape[-1] for shape in input_shape)
        return (*input_shape[0][:-1], channels)
