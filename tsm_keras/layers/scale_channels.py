"""ScaleChannels: multiplies each channel by a factor."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.unfold_time import positive_integer


@keras.utils.register_keras_serializable(package="tsm_keras")
class ScaleChannels(keras.layers.Layer):
    """Multiplies each channel of frames by a factor per frame or per clip.

    Example:
    >>> frames, factors = tf.ones([2 * 8, 56, 56, 24]), tf.ones([2, 24])
    >>> ScaleChannels(num_segments=8)((frames, factors)).shape
    TensorShape([16, 56, 56, 24])

    Args:
        num_segments: The number of frames that share the same factors: 1, or
            the frames per clip, T.

    Input shape: a pair `(frames, factors)`: `[B * T, H, W, C]`, where the
        frames of a clip are adjacent, and `[B, C]`, of the same dtype.
    Output shape: that of the frames.

    Raises:
        ValueError: If `num_segments` is not a positive integer.
    """

    def __init__(self, num_segments: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_segments = positive_integer("num_segments", num_segments)

    def call(self, inputs):
        frames, factors = inputs
        # The factors of a single clip are broadcast.
        if self.num_segments > 1 and factors.shape[0] != 1:
            factors = tf.repeat(factors, self.num_segments, axis=0)
        return frames * factors[:, None, None, :]

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "num_segments": self.num_segments}
