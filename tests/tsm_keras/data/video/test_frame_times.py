import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tsm_keras.data.video.frame_times import even_indices, is_even, slot

_TIMES = st.lists(st.floats(0.001, 2.0), min_size=1, max_size=40).map(
    lambda gaps: np.cumsum(gaps).tolist()
)


@given(_TIMES, st.floats(1, 100))
def test_no_more_frames_than_slots_and_slow_videos_keep_all(times, rate):
    slots = [slot(time - times[0], rate) for time in times]
    assert slots == sorted(slots)
    assert len(set(slots)) <= (times[-1] - times[0]) * rate + 2
    if len(times) > 1 and min(np.diff(times)) > 1.001 / rate:
        assert len(set(slots)) == len(times)


def test_milliseconds_that_are_rounded_do_not_matter():
    times = [round(number / 30, 3) for number in range(90)]
    kept = {slot(time, 15): number for number, time in enumerate(times[::-1])}
    assert sorted(89 - number for number in kept.values()) == [*range(0, 90, 2)]


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
