"""StreamingTemporalShift: step by step what the causal shift does at once."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing import temporal_shift as oracle
from testing.layers import run_layer_test
from tsm_keras.layers import StreamingTemporalShift, TemporalShift


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_is_a_complete_keras_layer():
    run_layer_test(
        StreamingTemporalShift,
        {"shift_div": 4},
        (random_features(2, 3, 3, 9), random_features(2, 3, 3, 2)),
        expected_shape=((2, 3, 3, 9), (2, 3, 3, 2)),
    )


@given(
    streams=st.integers(1, 3),
    frames=st.integers(1, 6),
    shift_div=st.integers(1, 8),
    extra=st.integers(0, 9),
)
@settings(deadline=None, max_examples=30)
def test_steps_equal_the_causal_shift(streams, frames, shift_div, extra):
    channels = shift_div + extra
    clips = random_features(streams, frames, 2, 3, channels)
    layer = StreamingTemporalShift(shift_div)
    cache = tf.zeros([streams, 2, 3, channels // shift_div])
    steps = []
    for frame in range(frames):
        shifted, cache = layer((tf.constant(clips[:, frame]), cache))
        steps.append(shifted.numpy())
    steps = np.stack(steps, axis=1)
    np.testing.assert_array_equal(
        steps, oracle.shift(clips, shift_div, "causal")
    )
    at_once = TemporalShift(frames, shift_div, "causal")(
        tf.constant(oracle.fold_clips(clips))
    )
    np.testing.assert_array_equal(oracle.fold_clips(steps), at_once)


def test_new_cache_is_the_frames_own_fold():
    """Whatever was in the old cache."""
    frame = random_features(1, 2, 2, 8)
    _, cache = StreamingTemporalShift(4)(
        (tf.constant(frame), tf.fill([1, 2, 2, 2], 99.0))
    )
    np.testing.assert_array_equal(cache, frame[..., :2])


def test_streams_do_not_mix():
    frames = tf.constant(random_features(2, 2, 2, 8))
    cache = random_features(2, 2, 2, 2)
    other = cache.copy()
    other[1] += 1
    layer = StreamingTemporalShift(4)
    before, after = (
        layer((frames, tf.constant(c)))[0].numpy() for c in (cache, other)
    )
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])


@pytest.mark.parametrize("shift_div", [0, -1, 8.0, "8", None, True])
def test_refuses_shift_div(shift_div):
    with pytest.raises(ValueError, match="`shift_div`.*Received: shift_div="):
        StreamingTemporalShift(shift_div)


def test_refuses_a_fold_of_zero():
    with pytest.raises(ValueError, match="zero.*Received: channels=7"):
        StreamingTemporalShift(8)(
            (tf.zeros([1, 2, 2, 7]), tf.zeros([1, 2, 2, 1]))
        )


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_refuses_a_cache_of_other_channels(channels):
    cache = tf.zeros([1, 2, 2, channels])
    with pytest.raises(ValueError, match="must have 2 channels.*Received"):
        StreamingTemporalShift(4)((tf.zeros([1, 2, 2, 8]), cache))
