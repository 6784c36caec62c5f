import numpy as np

from testing.layers import run_layer_test
from tsm_keras.layers.hard_sigmoid import HardSigmoid


def test_it_is_three_straight_lines():
    x = np.linspace(-5, 5, 41, dtype=np.float32).reshape(1, 41)
    found = run_layer_test(HardSigmoid, {}, x, expected_shape=(1, 41))
    expected = np.clip(x / 6 + 0.5, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
