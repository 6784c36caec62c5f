import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.fake_quantized_rescaling import FakeQuantizedRescaling

SCALE = [1 / 58.4, 1 / 57.1, 1 / 57.4]
OFFSET = [-2.1, -2.0, -1.8]


def _pixels():
    values = np.arange(256, dtype=np.float32)
    return tf.constant(np.repeat(values[:, None], 3, axis=1))


def test_it_is_rescaling_within_int8s_roundings():
    expected = keras.layers.Rescaling(SCALE, OFFSET)(_pixels()).numpy()
    found = FakeQuantizedRescaling(SCALE, OFFSET)(_pixels()).numpy()
    step = (expected.max() - min(OFFSET)) / 255
    assert np.abs(found - expected).max() <= 2 * step
    assert np.abs(found - expected).max() > 1e-4
    assert len(np.unique(found)) <= 256


def test_bytes_are_pixels():
    layer = FakeQuantizedRescaling(SCALE, OFFSET)
    np.testing.assert_array_equal(
        layer(tf.cast(_pixels(), tf.uint8)), layer(_pixels())
    )


def test_its_config_rebuilds_it():
    layer = FakeQuantizedRescaling(SCALE, OFFSET, name="normalize")
    copy = FakeQuantizedRescaling.from_config(layer.get_config())
    np.testing.assert_array_equal(copy(_pixels()), layer(_pixels()))
