"""PixelNormalization: subtracts the mean and divides by the deviation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class PixelNormalization(keras.layers.Layer):
    """Subtracts each channel's mean and divides by its standard deviation.

    `keras.layers.Rescaling` computes the same, with one constant per channel.
    TFLite on the CPU then calls its kernel once per pixel, for three numbers,
    which took an eighth of the time of a float32 MobileNetV2 and a third of
    that of an int8 one (`docs/performance.md`). The constants of this layer are
    therefore repeated over the width of the image.

    Example:
    >>> normalize = PixelNormalization([127.5] * 3, [127.5] * 3)
    >>> normalize(tf.fill([1, 2, 2, 3], 255))[0, 0, 0].numpy()
    array([1., 1., 1.], dtype=float32)

    Args:
        mean: The mean of each channel.
        std: The standard deviation of each channel; positive.

    Input shape: `[..., W, C]`, any dtype, in 0..255.
    Output shape: that of the input, in the layer's compute dtype.

    Raises:
        ValueError: If the numbers of means, deviations and input channels
            differ, or a deviation is not positive.
    """

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.mean = [float(value) for value in mean]
        self.std = [float(value) for value in std]
        positive = [deviation > 0 for deviation in self.std]
        if len(self.mean) != len(self.std) or not all(positive):
            raise ValueError(
                "There must be a mean and a positive standard deviation for "
                f"each channel. Received: mean={mean}, std={std}"
            )

    def build(self, input_shape):
        if input_shape[-1] != len(self.mean):
            raise ValueError(
                f"The input must have {len(self.mean)} channels, one per mean. "
                f"Received: an input of shape {tuple(input_shape)}"
            )
        self.built = True

    def call(self, inputs):
        scale, offset = self._constants(inputs)
        pixels = tf.cast(inputs, self.compute_dtype)
        return pixels * tf.cast(scale, pixels.dtype) + tf.cast(
            offset, pixels.dtype
        )

    def _constants(self, inputs):
        """Returns the factors and the offsets, each `[W, C]` float32."""
        std = np.array(self.std)
        width = inputs.shape[-2] or 1  # An unknown width is broadcast.
        return tuple(
            np.tile(values.astype(np.float32), (width, 1))
            for values in (1 / std, -np.array(self.mean) / std)
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "std": self.std}
