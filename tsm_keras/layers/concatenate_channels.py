"""ConcatenateChannels: joins tensors along their channels."""

import tensorflow as tf
from tensorflow import keras


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
