import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tsm_keras.data.pipeline.sampling import (
    SamplingConfig,
    clip_indices,
    dense_indices,
    interval_indices,
    segment_indices,
    twice_indices,
)

lengths = st.integers(1, 3000)
segments = st.integers(1, 64)
seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
METHODS = ("segments", "twice", "dense", "interval")


@hypothesis.settings(deadline=None)
@hypothesis.given(
    length=lengths,
    num_segments=segments,
    seed=seeds,
    method=st.sampled_from(METHODS),
    interval=st.floats(0.01, 200),
    window=st.integers(1, 100),
    num_views=st.integers(1, 12),
)
def test_indices_are_in_range_sorted_and_t_many(
    length, num_segments, seed, method, interval, window, num_views
):
    config = SamplingConfig(method, window=window, num_views=num_views)
    for draw in (None, tf.constant(seed)):
        indices = clip_indices(
            length, num_segments, config, interval=interval, seed=draw
        ).numpy()
        num_clips = config.clips_per_video(training=draw is not None)
        assert indices.shape == (num_clips, num_segments)
        assert (np.diff(indices) >= 0).all()
        assert indices.min() >= 0 and indices.max() < length


@pytest.mark.parametrize("method", METHODS)
def test_a_graph_samples_as_eager_does(method):
    config = SamplingConfig(method)
    seed = tf.constant([3, 4])

    def sample(length, draw):
        return clip_indices(length, 8, config, interval=2.5, seed=draw)

    for draw in (None, seed):
        data = tf.data.Dataset.range(1, 200, 7).map(
            lambda length, draw=draw: sample(length, draw)
        )
        for length, indices in zip(range(1, 200, 7), data, strict=True):
            np.testing.assert_array_equal(indices, sample(length, draw))
    np.testing.assert_array_equal(sample(90, seed), sample(np.int64(90), seed))


# What the reference's rules give, counted from 0; each can be done by hand.
@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        (segment_indices(90, 8), [5, 16, 28, 39, 50, 61, 73, 84]),
        (segment_indices(3, 8), [0, 0, 0, 1, 1, 2, 2, 2]),
        (
            twice_indices(90, 8),
            [[5, 16, 28, 39, 50, 61, 73, 84], [0, 11, 22, 33, 45, 56, 67, 78]],
        ),
        (
            dense_indices(300, 8)[::3],
            [
                [0, 8, 16, 24, 32, 40, 48, 56],
                [78, 86, 94, 102, 110, 118, 126, 134],
                [157, 165, 173, 181, 189, 197, 205, 213],
                [236, 244, 252, 260, 268, 276, 284, 292],
            ],
        ),
        (dense_indices(64, 16, num_views=1), [list(range(0, 64, 4))]),
        (dense_indices(104, 4, num_views=1), [[20, 36, 52, 68]]),
        # Ours alone: the last frame stands still.
        (dense_indices(20, 8, num_views=1), [[0, 8, 16, 19, 19, 19, 19, 19]]),
        (interval_indices(100, 4, 10), [35, 45, 55, 65]),
        (interval_indices(100, 4, 2.5), [46, 48, 51, 53]),
        (interval_indices(20, 4, 10), [0, 10, 19, 19]),
    ],
)
def test_worked_examples(indices, expected):
    np.testing.assert_array_equal(indices, expected)


@pytest.mark.parametrize("num_segments", [4, 8, 16, 32])
def test_views_are_those_of_the_authors_for_every_length(num_segments):
    """The authors' rules are computed in float64, as in their code."""
    for length in range(64, 700, 3):
        tick = length / num_segments
        k = np.arange(num_segments)
        centres = (tick / 2 + tick * k).astype(int)
        np.testing.assert_array_equal(
            twice_indices(length, num_segments),
            [centres, (tick * k).astype(int)],
        )
        starts = np.linspace(0, length - 64, num=10, dtype=int)
        np.testing.assert_array_equal(
            dense_indices(length, num_segments),
            starts[:, None] + k * (64 // num_segments),
        )


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(length=st.integers(8, 100), seed=seeds)
def test_training_draws_one_frame_per_segment(length, seed):
    indices = segment_indices(length, 8, tf.constant(seed)).numpy()
    tick = length / 8
    for k, index in enumerate(indices):
        assert int(tick * k) <= index <= tick * (k + 1)


def test_training_reaches_every_frame_and_every_window():
    drawn, starts, first = set(), set(), set()
    for number in range(300):
        seed = tf.constant([number, 1])
        drawn |= set(segment_indices(20, 8, seed).numpy().tolist())
        starts.add(int(dense_indices(75, 8, seed)[0, 0]))
        first.add(int(interval_indices(30, 3, 10, seed)[0]))
    assert drawn == set(range(20))
    assert starts == set(range(12))
    assert first == set(range(10))


@pytest.mark.parametrize(
    "fields", [{"method": "random"}, {"window": 0}, {"num_views": 0}]
)
def test_impossible_settings_are_refused(fields):
    (name, value) = next(iter(fields.items()))
    message = f"`{name}`.*Received: {name}={value!r}"
    with pytest.raises(ValueError, match=message):
        SamplingConfig(**fields)


@pytest.mark.parametrize("method", ["segments", "twice", "dense", "interval"])
def test_one_view_is_one_clip_per_video_and_trains_the_same(method):
    config = SamplingConfig(method, window=20, num_views=4)
    one = config.one_view()
    assert one.clips_per_video(training=False) == 1
    options = {"interval": 2.5}
    found = clip_indices(50, 8, one, **options).numpy()
    several = clip_indices(50, 8, config, **options).numpy()
    assert found.shape == (1, 8)
    if method != "dense":  # The middle of a video is between its views.
        np.testing.assert_array_equal(found[0], several[0])
    for seed in range(3):
        np.testing.assert_array_equal(
            clip_indices(50, 8, one, seed=[seed, 0], **options),
            clip_indices(50, 8, config, seed=[seed, 0], **options),
        )
