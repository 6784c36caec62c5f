"""PixelNormalization: bytes become numbers around zero."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.layers import run_layer_test
from tsm_keras.layers.pixel_normalization import PixelNormalization

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def _pixels(dtype=np.float32):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 4, 5, 3)).astype(dtype)


def test_is_a_complete_keras_layer():
    outputs = run_layer_test(
        PixelNormalization,
        {"mean": MEAN, "std": STD},
        _pixels(),
        expected_shape=(2, 4, 5, 3),
    )
    expected = (_pixels(np.float64) - MEAN) / STD
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 5, 3), (None, 5, 3), (None, None, 3)])
def test_it_is_keras_rescaling_to_the_last_bit(shape):
    image = keras.Input(shape)
    model = keras.Model(image, PixelNormalization(MEAN, STD)(image))
    rescaling = keras.layers.Rescaling(
        [1 / std for std in STD],
        [-mean / std for mean, std in zip(MEAN, STD, strict=True)],
    )
    found = model(_pixels())
    np.testing.assert_array_equal(found, rescaling(_pixels()))


def test_bytes_are_pixels():
    layer = PixelNormalization(MEAN, STD)
    np.testing.assert_array_equal(layer(_pixels(np.uint8)), layer(_pixels()))
    assert layer(tf.constant(_pixels(np.uint8))).dtype == tf.float32


@pytest.mark.parametrize(
    ("mean", "std"),
    [([1.0], [1.0, 2.0]), ([1.0], [0.0]), ([1.0, 1.0], [1.0, np.nan])],
)
def test_a_channel_has_a_mean_and_a_positive_deviation(mean, std):
    with pytest.raises(ValueError, match="Received: mean="):
        PixelNormalization(mean, std)


def test_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"2 channels.*Received"):
        PixelNormalization([1.0, 2.0], [1.0, 1.0])(_pixels())
