import numpy as np
import pytest
import tensorflow as tf

from testing.layers import run_layer_test
from tsm_keras.layers.channels import SplitChannels

SIZES = (3, 1, 5)
RANGES = (slice(0, 3), slice(3, 4), slice(4, 9))


def random_features():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 9)).astype(np.float32)


def test_splits_into_contiguous_groups():
    x = random_features()
    found = run_layer_test(
        SplitChannels,
        {"sizes": SIZES},
        x,
        expected_shape=tuple((2, 3, 4, size) for size in SIZES),
    )
    for part, channels in zip(found, RANGES, strict=True):
        np.testing.assert_array_equal(part, x[..., channels])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_gradient_equals_that_of_slices(dtype):
    """Also if the last group is not used: its gradient is zero."""
    x = tf.constant(random_features(), dtype)
    layer = SplitChannels(SIZES, dtype=dtype)
    for used in (1, 2, 3):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            found = energy(layer(x)[:used])
            expected = energy([x[..., channels] for channels in RANGES[:used]])
        gradient = tape.gradient(found, x)
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient, tape.gradient(expected, x))


def energy(parts):
    """A sum with another gradient for each group and each number."""
    return tf.add_n(
        [
            tf.reduce_sum(weight * part**2)
            for weight, part in enumerate(parts, start=1)
        ]
    )


def test_refuses_sizes():
    with pytest.raises(ValueError, match="sizes.*positive.*Received: sizes=0"):
        SplitChannels((3, 0))
    with pytest.raises(ValueError, match=r"sum of `sizes`.*sizes=\(1, 2\)"):
        SplitChannels((1, 2))(tf.zeros([1, 2, 2, 4]))
