"""RunningMean: averages over the frames of a stream so far."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class RunningMean(keras.layers.Layer):
    """Averages each feature over the frames that a stream has shown so far.

    The layer is called once per frame, first with a cache of zeros. The cache
    holds the sum over the frames and, in one more channel, their number.

    Example:
    >>> mean = RunningMean()
    >>> cache = tf.zeros([1, 10 + 1])
    >>> _, cache = mean((tf.fill([1, 10], 2.0), cache))
    >>> mean((tf.fill([1, 10], 4.0), cache))[0].numpy()[0, 0]
    3.0

    Input shape: a pair `(features, cache)`: `[N, ..., C]` for N streams and
        `[N, ..., C + 1]`, of the same float dtype.
    Output shape: a pair `(mean, new_cache)` of the same shapes. `new_cache` is
        the result of a concatenation, because some GPU delegates compute wrong
        values when a sum is an output of the network.
    """

    def call(self, inputs):
        features, cache = inputs
        total = cache[..., :-1] + features
        count = cache[..., -1:] + 1.0
        return total / count, tf.concat([total, count], axis=-1)

    def compute_output_shape(self, input_shape):
        features, cache = input_shape
        return features, cache
