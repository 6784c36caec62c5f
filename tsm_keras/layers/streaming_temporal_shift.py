"""StreamingTemporalShift: the causal shift, one frame at a time."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.temporal_shift import channel_fold
from tsm_keras.layers.unfold_time import positive_integer


@keras.utils.register_keras_serializable(package="tsm_keras")
class StreamingTemporalShift(keras.layers.Layer):
    """Puts the previous frame's first fold in place of this frame's.

    Fed frame by frame, starting from a zero cache, it computes what
    `TemporalShift(direction="causal")` computes on the whole clip. The state
    is an explicit input and output. ICCV 2019 paper, section 4 ("Online
    Models").

    Example:
    >>> shift = StreamingTemporalShift()
    >>> cache = tf.zeros([1, 56, 56, 3])
    >>> frame = tf.random.uniform([1, 56, 56, 24])
    >>> shifted, cache = shift((frame, cache))

    Args:
        shift_div: The fold is `channels // shift_div`. A positive integer.

    Input shape: a pair `(features, cache)`: `[N, H, W, C]` for N streams and
        `[N, H, W, fold]`, of the same float dtype.
    Output shape: a pair `(shifted, new_cache)` of the same shapes. `new_cache`
        is a fresh slice of `features`: an input that is passed through to an
        output gives wrong values on some GPU delegates.

    Raises:
        ValueError: If the fold is zero, or the cache has other channels.
    """

    def __init__(self, shift_div: int = 8, **kwargs: Any):
        super().__init__(**kwargs)
        self.shift_div = positive_integer("shift_div", shift_div)

    def build(self, input_shape):
        features, cache = input_shape
        fold = channel_fold(features[-1], self.shift_div)
        if cache[-1] != fold:
            raise ValueError(
                f"The cache must have {fold} channels (channels // shift_div). "
                f"Received: features of shape {features}, cache of shape "
                f"{cache}, shift_div={self.shift_div}"
            )
        self.built = True

    def call(self, inputs):
        features, cache = inputs
        fold = channel_fold(features.shape[-1], self.shift_div)
        shifted = tf.concat([cache, features[..., fold:]], axis=-1)
        return shifted, features[..., :fold]

    def compute_output_shape(self, input_shape):
        features, cache = input_shape
        return features, cache

    def get_config(self):
        return {**super().get_config(), "shift_div": self.shift_div}
