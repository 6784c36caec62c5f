"""FakeQuantizedRescaling: pixel normalisation as int8 computes it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class FakeQuantizedRescaling(keras.layers.Layer):
    """`keras.layers.Rescaling` with its roundings in int8.

    Takes the place of the normalisation while a network is trained
    quantization-aware. The ranges of its input, product and sum need no
    measuring: pixels are in 0..255.

    Example:
    >>> normalize = FakeQuantizedRescaling([1 / 58] * 3, [-2.0] * 3)
    >>> normalize(tf.fill([1, 4, 4, 3], 255)).shape
    TensorShape([1, 4, 4, 3])

    Args:
        scale: What each channel is multiplied by; positive.
        offset: What is then added to it.

    Input shape: `[..., C]`, RGB in 0..255, any dtype.
    Output shape: that of the input, float32.
    """

    def __init__(
        self, scale: Sequence[float], offset: Sequence[float], **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.scale = [float(value) for value in scale]
        self.offset = [float(value) for value in offset]

    def call(self, inputs):
        scale = np.array(self.scale, np.float32)
        offset = np.array(self.offset, np.float32)
        white = 255.0 * scale
        # Constants are rounded too, one range for all channels.
        pixels = _rounded(tf.cast(inputs, tf.float32), 0.0, 255.0)
        products = pixels * _rounded(scale, 0.0, scale.max())
        products = _rounded(products, 0.0, white.max())
        sums = products + _rounded(offset, offset.min(), offset.max())
        return _rounded(sums, offset.min(), (white + offset).max())

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "offset": self.offset,
        }


def _rounded(values, low, high):
    """Rounds to the 256 values of a range, which always holds zero."""
    return tf.quantization.fake_quant_with_min_max_args(
        values, min(float(low), 0.0), max(float(high), 0.0)
    )
