import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tsm_keras.data.video.frame_times import even_indices, is_due, is_even

_TIMES = st.lists(st.floats(0.001, 2.0), min_size=1, max_size=40).map(
    lambda gaps: np.cumsum(gaps).tolist()
)


def _stored(times, rate):
    stored = times[:1]
    for time in times[1:]:
        if is_due(time, stored[-1], rate):
            stored.append(time)
    return stored


@given(_TIMES, st.floats(1, 100))
def test_no_more_frames_than_asked_for_and_slow_videos_keep_all(times, rate):
    stored = _stored(times, rate)
    assert not len(stored) > 1 or min(np.diff(stored)) >= 1 / rate - 0.0021
    if len(times) > 1 and min(np.diff(times)) > 1 / rate:
        assert stored == times


def _distances(times, rate):
    stored = [times.index(time) for time in _stored(times, rate)]
    return {*np.diff(stored).tolist()}


@given(st.integers(5, 120), st.integers(1, 120), st.integers(2, 200))
def test_equal_numbers_of_frames_are_equal_times_apart(fps, rate, count):
    """Whatever the two rates: 25 of 30 frames would leave gaps of two sizes."""
    times = [number / fps for number in range(count)]
    assert len(_distances(times, rate)) <= 1


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 30, 50, 60])
@pytest.mark.parametrize(("rate", "most"), [(5, 12), (10, 6), (15, 4), (25, 3)])
def test_milliseconds_that_are_rounded_do_not_matter(fps, rate, most):
    times = [round(number / fps, 3) for number in range(300)]
    (distance,) = _distances(times, rate)
    assert distance == math.ceil(round(fps) / rate) <= most


@given(_TIMES, st.floats(0.001, 1))
def test_each_time_shows_what_is_on_display_then(times, interval):
    assume(len(times) > 1)
    indices, interval = even_indices(times, interval)
    assert indices == sorted(indices) and len(indices) <= 2 * len(times)
    for step, index in enumerate(indices):
        now = times[0] + (step + 0.25) * interval
        assert times[index] <= now + 1e-9
        assert index + 1 == len(times) or now < times[index + 1] + 1e-9
    end = times[0] + (len(indices) - 1) * interval
    assert abs(end - times[-1]) <= interval


def test_even_times_are_left_alone():
    times = [number / 25 for number in range(100)]
    indices, interval = even_indices(times, 0.04)
    assert indices == [*range(100)] and interval == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("times", "even"),
    [
        ([0.0], True),
        ([0.0, 0.5], True),
        ([0.0, 0.033, 0.067, 0.1], True),
        ([0.0, 0.033, 0.066, 0.166], False),
    ],
)
def test_what_counts_as_even(times, even):
    assert is_even(times) == even
