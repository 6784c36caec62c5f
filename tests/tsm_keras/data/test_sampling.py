import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from tsm_keras.data.sampling import segment_indices

lengths = st.integers(1, 3000)
segments = st.integers(1, 64)
seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


@hypothesis.settings(deadline=None)
@hypothesis.given(length=lengths, num_segments=segments, seed=seeds)
def test_indices_are_in_range_sorted_and_t_many(length, num_segments, seed):
    for draw in (None, tf.constant(seed)):
        indices = segment_indices(length, num_segments, draw).numpy()
        assert indices.shape == (num_segments,)
        assert (np.diff(indices) >= 0).all()
        assert indices[0] >= 0 and indices[-1] < length


@hypothesis.settings(deadline=None)
@hypothesis.given(length=lengths, num_segments=segments)
def test_evaluation_takes_the_centres_as_the_reference_does(
    length, num_segments
):
    # main dataset.py of the reference, `_get_test_indices`.
    tick = np.float32(length) / np.float32(num_segments)
    expected = [
        min(int(tick * np.float32(x + 0.5)), length - 1)
        for x in range(num_segments)
    ]
    found = segment_indices(length, num_segments).numpy()
    np.testing.assert_array_equal(found, expected)


def test_a_worked_example():
    found = segment_indices(90, 8).numpy()
    np.testing.assert_array_equal(found, [5, 16, 28, 39, 50, 61, 73, 84])


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(length=st.integers(8, 100), seed=seeds)
def test_training_draws_one_frame_a_segment(length, seed):
    indices = segment_indices(length, 8, tf.constant(seed)).numpy()
    tick = length / 8
    for k, index in enumerate(indices):
        assert int(tick * k) <= index <= tick * (k + 1)


def test_training_reaches_every_frame():
    drawn = {
        int(index)
        for seed in range(300)
        for index in segment_indices(20, 8, tf.constant([seed, 1])).numpy()
    }
    assert drawn == set(range(20))
