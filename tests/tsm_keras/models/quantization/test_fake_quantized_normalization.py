import numpy as np
import pytest
import tensorflow as tf

from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.models.quantization.fake_quantized_normalization import (
    FakeQuantizedNormalization,
)

MEAN, STD = [122.6, 114.2, 103.3], [58.4, 57.1, 57.4]


def _pixels():
    values = np.arange(256, dtype=np.float32)
    return tf.constant(np.repeat(values[:, None], 3, axis=1))


def test_it_is_the_normalization_within_int8s_roundings():
    expected = PixelNormalization(MEAN, STD)(_pixels()).numpy()
    found = FakeQuantizedNormalization(MEAN, STD)(_pixels()).numpy()
    step = (expected.max() - expected.min()) / 255
    assert np.abs(found - expected).max() <= 2 * step
    assert np.abs(found - expected).max() > 1e-4
    assert len(np.unique(found)) <= 256


@pytest.mark.parametrize("mean", [-300.0, 0.0, 300.0])
def test_pixels_may_be_centred_on_anything(mean):
    """Around zero there is no offset, and so no range of offsets."""
    statistics = [mean] * 3, [90.0, 100.0, 110.0]
    expected = PixelNormalization(*statistics)(_pixels()).numpy()
    found = FakeQuantizedNormalization(*statistics)(_pixels()).numpy()
    step = np.abs(expected).max() / 255
    assert np.abs(found - expected).max() <= 2 * step


def test_bytes_are_pixels():
    layer = FakeQuantizedNormalization(MEAN, STD)
    np.testing.assert_array_equal(
        layer(tf.cast(_pixels(), tf.uint8)), layer(_pixels())
    )


def test_its_config_rebuilds_it():
    layer = FakeQuantizedNormalization(MEAN, STD, name="normalize")
    copy = FakeQuantizedNormalization.from_config(layer.get_config())
    np.testing.assert_array_equal(copy(_pixels()), layer(_pixels()))
