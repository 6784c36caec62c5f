import numpy as np
import tensorflow as tf

from testing.layers import run_layer_test
from tsm_keras.layers.upsample import Upsample


def test_repeats_each_value_in_both_directions():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    found = run_layer_test(Upsample, {}, x, expected_shape=(2, 6, 8, 5))
    np.testing.assert_array_equal(found, x.repeat(2, axis=1).repeat(2, axis=2))


def test_the_gradient_adds_up_the_four_copies():
    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(2, 3, 4, 5)))
    upstream = rng.normal(size=(2, 6, 8, 5))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(Upsample(dtype="float64")(x) * upstream)
    expected = upstream.reshape(2, 3, 2, 4, 2, 5).sum(axis=(2, 4))
    np.testing.assert_allclose(tape.gradient(total, x), expected, rtol=1e-12)
