"""Shift: its forms for clips and streams, against the paper's definition."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow import keras

from testing import temporal_shift as oracle
from tsm_keras.models.operators.shift import Shift
from tsm_keras.models.stream_time import StreamTime
from tsm_keras.models.time import ClipTime


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def clip_network(shift, frames, channels, *, plain, batch_size=None):
    x = keras.Input((2, 3, channels), batch_size=batch_size)
    form = shift.plain if plain else shift
    return keras.Model(x, form(x, ClipTime(frames), name="mark"))


def stream_network(shift, channels, streams=1):
    x = keras.Input((2, 3, channels), batch_size=streams, name="frame")
    time = StreamTime(streams)
    shifted = shift(x, time, name="mark")
    return keras.Model(
        {"frame": x, **time.inputs}, {"shifted": shifted, **time.outputs}
    )


@pytest.mark.parametrize("direction", ["causal", "bidirectional"])
@pytest.mark.parametrize("shift_div", [2, 3, 8])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_the_fast_form_equals_the_plain_one(direction, shift_div, batch_size):
    """Values and gradients, for batches of clips and for one clip alone."""
    shift = Shift(shift_div, direction)
    clips = random_features(1 if batch_size else 2, 4, 2, 3, 11)
    frames = tf.constant(oracle.fold_clips(clips))
    upstream = tf.constant(random_features(*frames.shape)[::-1].copy())
    found = []
    for plain in (False, True):
        network = clip_network(shift, 4, 11, plain=plain, batch_size=batch_size)
        with tf.GradientTape() as tape:
            tape.watch(frames)
            shifted = network(frames)
            loss = tf.reduce_sum(upstream * shifted)
        found.append((shifted, tape.gradient(loss, frames)))
    for fast, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(fast, plain)
    expected = oracle.fold_clips(oracle.shift(clips, shift_div, direction))
    np.testing.assert_array_equal(found[0][0], expected)


@given(
    streams=st.integers(1, 3),
    frames=st.integers(1, 6),
    shift_div=st.integers(1, 8),
    extra=st.integers(0, 9),
)
@settings(deadline=None, max_examples=20)
def test_steps_equal_the_causal_shift(streams, frames, shift_div, extra):
    channels = shift_div + extra
    clips = random_features(streams, frames, 2, 3, channels)
    network = stream_network(Shift(shift_div, "causal"), channels, streams)
    cache = tf.zeros([streams, 2, 3, channels // shift_div])
    steps = []
    for frame in range(frames):
        outputs = network(
            {"frame": tf.constant(clips[:, frame]), "cache_00": cache}
        )
        cache = outputs["cache_00_out"]
        steps.append(outputs["shifted"].numpy())
    np.testing.assert_array_equal(
        np.stack(steps, axis=1), oracle.shift(clips, shift_div, "causal")
    )


def test_new_cache_is_the_frames_own_fold():
    """Whatever was in the old cache."""
    frame = random_features(1, 2, 3, 8)
    outputs = stream_network(Shift(4, "causal"), 8)(
        {"frame": tf.constant(frame), "cache_00": tf.fill([1, 2, 3, 2], 99.0)}
    )
    np.testing.assert_array_equal(outputs["cache_00_out"], frame[..., :2])


def test_streams_do_not_mix():
    frames = tf.constant(random_features(2, 2, 3, 8))
    cache = random_features(2, 2, 3, 2)
    other = cache.copy()
    other[1] += 1
    network = stream_network(Shift(4, "causal"), 8, streams=2)
    before, after = (
        network({"frame": frames, "cache_00": tf.constant(c)})["shifted"]
        for c in (cache, other)
    )
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])


def test_it_says_what_a_stream_must_know():
    causal, both = Shift(8, "causal"), Shift(8, "bidirectional")
    assert (causal.ahead, both.ahead) == (0, 1)
    assert causal.remembers == both.remembers == 1
    with pytest.raises(ValueError, match="ahead.*cannot stream"):
        stream_network(both, 8)


@pytest.mark.parametrize("shift_div", [0, -1, 8.0, "8", None, True])
def test_refuses_shift_div(shift_div):
    with pytest.raises(ValueError, match="`shift_div`.*Received: shift_div="):
        stream_network(Shift(shift_div, "causal"), 8)


def test_refuses_a_fold_of_zero():
    with pytest.raises(ValueError, match="zero.*Received: channels=7"):
        stream_network(Shift(8, "causal"), 7)
