"""SegmentConsensus: the mean over time."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing.layers import run_layer_test
from tsm_keras.layers import SegmentConsensus


def random_logits(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_is_a_complete_keras_layer():
    inputs = random_logits(2, 3, 5)
    outputs = run_layer_test(
        SegmentConsensus, {}, inputs, expected_shape=(2, 5)
    )
    expected = (inputs[:, 0] + inputs[:, 1] + inputs[:, 2]) / 3
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 9))
@settings(deadline=None, max_examples=20)
def test_order_of_frames_does_not_matter(seed, frames):
    logits = random_logits(2, frames, 4)
    order = np.random.default_rng(seed).permutation(frames)
    layer = SegmentConsensus()
    np.testing.assert_allclose(
        layer(tf.constant(logits)),
        layer(tf.constant(logits[:, order])),
        rtol=1e-5,
        atol=1e-6,
    )


def test_repeated_frames_give_the_logits_of_one():
    logits = random_logits(3, 1, 4)
    repeated = SegmentConsensus()(tf.constant(np.repeat(logits, 8, axis=1)))
    np.testing.assert_allclose(repeated, logits[:, 0], rtol=1e-6)


def test_unknown_batch_and_time():
    run = tf.function(
        SegmentConsensus(),
        input_signature=[tf.TensorSpec([None, None, 4])],
    )
    logits = random_logits(2, 3, 4)
    np.testing.assert_allclose(
        run(logits), logits.mean(axis=1), rtol=1e-5, atol=1e-6
    )
