"""FakeQuantizedNormalization: pixel normalization as int8 computes it."""

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.pixel_normalization import PixelNormalization


@keras.utils.register_keras_serializable(package="tsm_keras")
class FakeQuantizedNormalization(PixelNormalization):
    """`PixelNormalization` with its roundings in int8.

    Takes the place of the normalization while a network is trained
    quantization-aware. The ranges of its input, product and sum need no
    measuring: pixels are in 0..255.

    Example:
    >>> normalize = FakeQuantizedNormalization([127.5] * 3, [127.5] * 3)
    >>> normalize(tf.fill([1, 4, 4, 3], 255)).shape
    TensorShape([1, 4, 4, 3])

    Args: as `PixelNormalization`'s.
    Input shape: as `PixelNormalization`'s.
    Output shape: that of the input, float32.
    """

    def call(self, inputs):
        scale, offset = self._constants(inputs)
        white = 255.0 * scale
        # Constants are rounded too, one range for all channels.
        pixels = _rounded(tf.cast(inputs, tf.float32), 0.0, 255.0)
        products = pixels * _rounded(scale, 0.0, scale.max())
        products = _rounded(products, 0.0, white.max())
        sums = products + _rounded(offset, offset.min(), offset.max())
        return _rounded(sums, offset.min(), (white + offset).max())


def _rounded(values, low, high):
    """Rounds to the 256 values of a range, which always holds zero."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if low == high:
        return values  # Nothing but zero: of networks on pixels in 0..1.
    return tf.quantization.fake_quant_with_min_max_args(values, low, high)
