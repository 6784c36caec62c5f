import numpy as np
import pytest
import tensorflow as tf

from testing.layers import run_layer_test
from tsm_keras.layers.channels import SliceChannels


def test_takes_a_range_of_channels():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 9)).astype(np.float32)
    found = run_layer_test(
        SliceChannels,
        {"start": 2, "stop": 5},
        x,
        expected_shape=(2, 3, 4, 3),
    )
    np.testing.assert_array_equal(found, x[..., 2:5])


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (3, 2)])
def test_refuses_an_empty_range(start, stop):
    with pytest.raises(ValueError, match=f"range.*Received: start={start}"):
        SliceChannels(start, stop)


def test_refuses_a_range_beyond_the_channels():
    with pytest.raises(ValueError, match="at least 5 channels.*Received"):
        SliceChannels(2, 5)(tf.zeros([1, 2, 2, 4]))
