"""RunningMean and MeanSoFar: average over the present and earlier frames."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.fold_time import fold_time
from tsm_keras.layers.unfold_time import positive_integer, unfold_time


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
        `[N, ..., C + 1]`, of the same float dtype. A third tensor,
        `[N, ..., 1]`, may say with 1 and 0 which features count; the mean of a
        stream whose features do not count has no meaning.
    Output shape: a pair `(mean, new_cache)` of the same shapes. `new_cache` is
        the result of a concatenation, because some GPU delegates compute wrong
        values when a sum is an output of the network.
    """

    def call(self, inputs):
        features, cache, *counts = inputs
        count = cache[..., -1:] + 1.0
        if not counts:
            total = cache[..., :-1] + features
            return total / count, tf.concat([total, count], axis=-1)
        (counts,) = counts
        total = cache[..., :-1] + features * counts
        # Dividing by the new count would divide by zero at first.
        counted = tf.concat([total, cache[..., -1:] + counts], axis=-1)
        return total / count, counted

    def compute_output_shape(self, input_shape):
        features, cache, *_ = input_shape
        return features, cache


@keras.utils.register_keras_serializable(package="tsm_keras")
class MeanSoFar(keras.layers.Layer):
    """Averages each feature over the frames of a clip so far.

    This is what `RunningMean` computes in a stream.

    Example:
    >>> frames = tf.constant([[1.0], [2.0], [6.0]])  # One clip of 3 frames.
    >>> MeanSoFar(num_segments=3)(frames).numpy().ravel()
    array([1. , 1.5, 3. ], dtype=float32)

    Args:
        num_segments: Frames per clip, T. A positive integer.

    Input shape: `[B * T, ...]`, any float dtype; the frames of a clip are
        adjacent and in order.
    Output shape: that of the input.

    Raises:
        ValueError: If `num_segments` is not a positive integer.
    """

    def __init__(self, num_segments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_segments = positive_integer("num_segments", num_segments)

    def call(self, inputs):
        clips = unfold_time(inputs, self.num_segments)
        count = tf.range(1, self.num_segments + 1, dtype=clips.dtype)
        count = tf.reshape(count, [-1] + [1] * (len(clips.shape) - 2))
        return fold_time(tf.cumsum(clips, axis=1) / count)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "num_segments": self.num_segments}
