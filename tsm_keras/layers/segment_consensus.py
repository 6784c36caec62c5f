"""SegmentConsensus: averages the predictions of frames to one per clip."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class SegmentConsensus(keras.layers.Layer):
    """Averages the frames' logits (TSN, Wang et al., ECCV 2016, section 3.1).

    Example:
    >>> SegmentConsensus()(tf.zeros([2, 8, 10])).shape
    TensorShape([2, 10])

    Input shape: `[B, T, K]`, any float dtype.
    Output shape: `[B, K]`.
    """

    def call(self, inputs):
        return tf.reduce_mean(inputs, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *input_shape[2:])
