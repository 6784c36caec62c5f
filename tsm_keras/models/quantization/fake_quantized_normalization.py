"""FakeQuantizedNormalization: pixel normalization as int8 computes it."""

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.pixel_normalization import PixelNormalization


@keras.utils.register_keras_serializable(package="tsm_keras")
class FakeQuantizedNormalization(PixelNormalization):
    """Rounds as `PixelNormalization` does in an int8 network.

    It replaces that layer during quantization-aware training. The ranges of its
    input, product and sum follow from the pixels' range, 0..255, so they need
    not be measured.

    Example:
    >>> normalize = FakeQuantizedNormalization([127.5] * 3, [127.5] * 3)
    >>> normalize(tf.fill([1, 4, 4, 3], 255)).shape
    TensorShape([1, 4, 4, 3])

    Args: those of `PixelNormalization`.
    Input shape: that of `PixelNormalization`.
    Output shape: that of the input, float32.
    """

    def call(self, inputs):
        scale, offset = self._constants(inputs)
        white = 255.0 * scale
        # Constants are rounded too, with one range for all channels.
        pixels = _rounded(tf.cast(inputs, tf.float32), 0.0, 255.0)
        products = pixels * _rounded(scale, 0.0, scale.max())
        products = _rounded(products, 0.0, white.max())
        sums = products + _rounded(offset, offset.min(), offset.max())
        return _rounded(sums, offset.min(), (white + offset).max())


def _rounded(values, low, high):
    """Rounds to the 256 values of a range, which is widened to hold zero."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if low == high:
        return values  # All values are zero, as with a mean of zero.
    return tf.quantization.fake_quant_with_min_max_args(values, low, high)
