"""TemporalShift against an oracle in NumPy loops."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing import temporal_shift as oracle
from testing.layers import run_layer_test
from tsm_keras.layers import TemporalShift

DIRECTIONS = ("bidirectional", "causal")
DTYPES = ("float16", "bfloat16", "float32")


@st.composite
def cases(draw):
    """Draws a direction, a `shift_div` and clips `[B, T, ..., C]`."""
    direction = draw(st.sampled_from(DIRECTIONS))
    least = 2 if direction == "bidirectional" else 1
    shift_div = draw(st.integers(least, 8))
    channels = draw(st.integers(shift_div, 3 * shift_div + 1))
    batch, frames = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    space = draw(st.lists(st.integers(1, 3), max_size=2))
    shape = (batch, frames, *space, channels)
    seed = draw(st.integers(0, 2**32 - 1))
    return direction, shift_div, distinct_values(shape, seed)


def distinct_values(shape, seed):
    size = int(np.prod(shape))
    values = np.random.default_rng(seed).permutation(size) + 1
    return values.reshape(shape).astype(np.float32)


def shift(clips, shift_div, direction, dtype="float32"):
    """Runs the layer on `[B, T, ..., C]` clips."""
    layer = TemporalShift(clips.shape[1], shift_div, direction, dtype=dtype)
    folded = tf.constant(oracle.fold_clips(clips))
    return layer(folded).numpy().reshape(clips.shape)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_is_a_complete_keras_layer(direction):
    run_layer_test(
        TemporalShift,
        {"num_segments": 4, "shift_div": 4, "direction": direction},
        distinct_values((8, 3, 3, 8), seed=0) / 600,
        expected_shape=(8, 3, 3, 8),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=cases())
@settings(deadline=None, max_examples=30)
def test_equals_the_oracle(dtype, case):
    direction, shift_div, clips = case
    clips = clips.astype(tf.as_dtype(dtype).as_numpy_dtype)
    shifted = shift(clips, shift_div, direction, dtype)
    assert shifted.dtype == clips.dtype
    np.testing.assert_array_equal(
        shifted, oracle.shift(clips, shift_div, direction)
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_oracle_can_tell_past_from_future(direction):
    clips = distinct_values((2, 3, 2, 2, 8), seed=1)
    shifted = shift(clips, 4, direction)
    swapped = oracle.swapped_shift(clips, 4, direction)
    assert not np.array_equal(shifted, swapped)


def test_bidirectional_folds_take_next_then_previous_frame():
    """The checkpoint contract, spelled out."""
    clip = np.array([[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]], np.float32)
    np.testing.assert_array_equal(
        shift(clip, 4, "bidirectional"),
        [[[5, 0, 3, 4], [9, 2, 7, 8], [0, 6, 11, 12]]],
    )


def test_causal_fold_takes_previous_frame():
    clip = np.array([[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]], np.float32)
    np.testing.assert_array_equal(
        shift(clip, 4, "causal"),
        [[[0, 2, 3, 4], [1, 6, 7, 8], [5, 10, 11, 12]]],
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_channels_that_shift_div_does_not_divide_round_down(direction):
    clips = distinct_values((1, 3, 2, 2, 11), seed=2)
    shifted = shift(clips, 4, direction)
    moved = 4 if direction == "bidirectional" else 2  # 11 // 4 a fold
    np.testing.assert_array_equal(shifted[..., moved:], clips[..., moved:])
    for channel in range(moved):
        assert not np.array_equal(shifted[..., channel], clips[..., channel])


@given(case=cases())
@settings(deadline=None, max_examples=30)
def test_moves_values_and_fills_with_zeros(case):
    """No value is made up or doubled; one row a fold and clip is lost."""
    direction, shift_div, clips = case
    shifted = shift(clips, shift_div, direction)
    kept = shifted[shifted != 0]
    assert len(set(kept)) == len(kept)
    assert set(kept) <= set(clips.ravel())
    folds = 2 if direction == "bidirectional" else 1
    pixels = clips[0, 0, ..., 0].size
    lost = len(clips) * pixels * folds * (clips.shape[-1] // shift_div)
    assert shifted.size - kept.size == lost


@given(case=cases())
@settings(deadline=None, max_examples=15)
def test_is_linear(case):
    direction, shift_div, clips = case
    others = distinct_values(clips.shape, seed=3)
    np.testing.assert_array_equal(
        shift(3 * clips - 2 * others, shift_div, direction),
        3 * shift(clips, shift_div, direction)
        - 2 * shift(others, shift_div, direction),
    )


def test_clips_do_not_mix():
    clips = distinct_values((3, 4, 2, 2, 8), seed=4)
    changed = clips.copy()
    changed[1] += 1000
    before, after = (shift(x, 4, "bidirectional") for x in (clips, changed))
    np.testing.assert_array_equal(before[[0, 2]], after[[0, 2]])
    assert not np.array_equal(before[1], after[1])


def gradient_of(function, inputs, upstream):
    inputs, upstream = tf.constant(inputs), tf.constant(upstream)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return tape.gradient(outputs, inputs, output_gradients=upstream).numpy()


def sliced_shift(clips, fold, direction):
    """The shift as slices and pads, whose gradient is left to autodiff."""

    def pad_time(part, before, after):
        rest = [[0, 0]] * (len(part.shape) - 2)
        return tf.pad(part, [[0, 0], [before, after], *rest])

    if direction == "causal":
        past = pad_time(clips[:, :-1, ..., :fold], 1, 0)
        return tf.concat([past, clips[..., fold:]], axis=-1)
    future = pad_time(clips[:, 1:, ..., :fold], 0, 1)
    past = pad_time(clips[:, :-1, ..., fold : 2 * fold], 1, 0)
    return tf.concat([future, past, clips[..., 2 * fold :]], axis=-1)


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=cases())
@settings(deadline=None, max_examples=20)
def test_gradient_equals_the_oracle_and_autodiff(dtype, case):
    direction, shift_div, clips = case
    numpy_dtype = tf.as_dtype(dtype).as_numpy_dtype
    clips = clips.astype(numpy_dtype)
    upstream = distinct_values(clips.shape, seed=5).astype(numpy_dtype)
    layer = TemporalShift(clips.shape[1], shift_div, direction, dtype=dtype)
    gradient = gradient_of(
        layer, oracle.fold_clips(clips), oracle.fold_clips(upstream)
    ).reshape(clips.shape)
    assert gradient.dtype == clips.dtype
    np.testing.assert_array_equal(
        gradient, oracle.shift_gradient(upstream, shift_div, direction)
    )
    fold = clips.shape[-1] // shift_div
    autodiff = gradient_of(
        lambda x: sliced_shift(x, fold, direction), clips, upstream
    )
    np.testing.assert_array_equal(gradient, autodiff)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_gradient_is_the_opposite_shift(direction):
    clips = distinct_values((2, 5, 2, 2, 16), seed=6)
    upstream = distinct_values(clips.shape, seed=7)
    layer = TemporalShift(5, 8, direction)
    gradient = gradient_of(
        layer, oracle.fold_clips(clips), oracle.fold_clips(upstream)
    ).reshape(clips.shape)
    np.testing.assert_array_equal(
        gradient, oracle.swapped_shift(upstream, 8, direction)
    )
    # A gradient that forgot to swap the direction would be told apart.
    assert not np.array_equal(gradient, oracle.shift(upstream, 8, direction))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_second_order_gradient(direction):
    """The Hessian of sum(shift(x) ** 2) times v is 2 S'S v."""
    clips = distinct_values((2, 4, 2, 2, 8), seed=8)
    vector = distinct_values(clips.shape, seed=9)
    layer = TemporalShift(4, 4, direction)
    inputs = tf.constant(oracle.fold_clips(clips))
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            energy = tf.reduce_sum(layer(inputs) ** 2)
        gradient = inner.gradient(energy, inputs)
    product = outer.gradient(
        gradient, inputs, output_gradients=oracle.fold_clips(vector)
    )
    expected = 2 * oracle.shift_gradient(
        oracle.shift(vector, 4, direction), 4, direction
    )
    np.testing.assert_array_equal(
        product.numpy().reshape(clips.shape), expected
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_unknown_batch_and_image_size(direction):
    layer = TemporalShift(3, 4, direction)
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 8])])
    def run(frames):
        traces.append(frames.shape)
        with tf.GradientTape() as tape:
            tape.watch(frames)
            outputs = layer(frames)
        return outputs, tape.gradient(outputs, frames, output_gradients=frames)

    for shape in ((1, 3, 2, 5, 8), (4, 3, 3, 1, 8)):
        clips = distinct_values(shape, seed=10)
        shifted, gradient = run(oracle.fold_clips(clips))
        np.testing.assert_array_equal(
            shifted.numpy().reshape(shape), oracle.shift(clips, 4, direction)
        )
        np.testing.assert_array_equal(
            gradient.numpy().reshape(shape),
            oracle.shift_gradient(clips, 4, direction),
        )
    assert len(traces) == 1


def test_batch_that_is_no_multiple_is_refused_at_run_time():
    layer = TemporalShift(3, 4)
    run = tf.function(
        layer, input_signature=[tf.TensorSpec([None, 2, 2, 8], tf.float32)]
    )
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        run(tf.zeros([4, 2, 2, 8]))


@pytest.mark.parametrize("num_segments", [0, -1, 2.0, "8", None, True])
def test_refuses_num_segments(num_segments):
    with pytest.raises(ValueError, match="`num_segments`.*Received: num_seg"):
        TemporalShift(num_segments)


@pytest.mark.parametrize("shift_div", [0, -1, 8.0, "8", None, True])
def test_refuses_shift_div(shift_div):
    with pytest.raises(ValueError, match="`shift_div`.*Received: shift_div="):
        TemporalShift(8, shift_div)


@pytest.mark.parametrize("direction", ["forward", "", None, 1])
def test_refuses_direction(direction):
    with pytest.raises(ValueError, match="`direction`.*Received: direction="):
        TemporalShift(8, direction=direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_refuses_a_fold_of_zero(direction):
    with pytest.raises(ValueError, match="zero.*Received: channels=7"):
        TemporalShift(2, 8, direction)(tf.zeros([2, 2, 2, 7]))


def test_refuses_folds_that_do_not_fit():
    """Two folds of all channels; the causal shift has one, which fits."""
    with pytest.raises(ValueError, match="moves 16 channels.*Received"):
        TemporalShift(2, 1)(tf.zeros([2, 2, 2, 8]))
    TemporalShift(2, 1, "causal")(tf.zeros([2, 2, 2, 8]))


def test_refuses_a_batch_that_is_no_multiple():
    with pytest.raises(ValueError, match="multiple of `num_segments`.*Rece"):
        TemporalShift(3)(tf.zeros([4, 2, 2, 8]))
