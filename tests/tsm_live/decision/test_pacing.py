import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm_live.decision.pacing import FramePacer, Step

# What is said here is arithmetic: one Keras is enough.
pytestmark = pytest.mark.keras3_only


def _steps(pacer, times):
    return [pacer.step(time) for time in times]


def _taken(pacer, times):
    return [t for t in times if pacer.step(t) is not Step.SKIP]


def test_without_an_interval_each_frame_is_taken():
    times = np.arange(0, 5, 0.1)
    assert set(_steps(FramePacer(0.0), times)) == {Step.TAKE}


@pytest.mark.parametrize("every", [1, 2, 3, 7])
@pytest.mark.parametrize("fps", [10, 25, 29.97, 60])
def test_a_multiple_of_the_sources_interval(fps, every):
    times = np.arange(300) / fps
    taken = _taken(FramePacer(every / fps), times)
    np.testing.assert_array_equal(taken, times[::every])


def test_a_slow_source_gives_each_frame_and_owes_none():
    times = [*np.arange(0, 3, 0.3), *np.arange(3, 5, 0.02)]
    taken = _taken(FramePacer(0.1), times)
    assert taken[:10] == times[:10]
    # Then the pace of the network, at once, without a burst.
    np.testing.assert_allclose(np.diff(taken[10:]), 0.1)


def test_a_gap_restarts():
    pacer = FramePacer(0.1, max_gap=0.5)
    steps = _steps(pacer, [0, 0.1, 0.6, 1.2, 1.3])
    assert steps[1:] == [Step.TAKE, Step.TAKE, Step.RESTART, Step.TAKE]
    never = FramePacer(0.1, max_gap=math.inf)
    assert set(_steps(never, [0, 100, 1e6])) == {Step.TAKE}


@pytest.mark.parametrize(("interval", "gap"), [(0.0, 1), (0.1, 1), (0.5, 1.5)])
def test_the_gap_of_a_model(interval, gap):
    assert FramePacer(interval).step(0) is Step.TAKE
    for limit, expected in ((0.99, Step.TAKE), (1.01, Step.RESTART)):
        pacer = FramePacer(interval)
        assert _steps(pacer, [0, limit * gap])[-1] is expected


def test_a_seek_restarts():
    pacer = FramePacer(0.1, max_gap=math.inf)
    assert _steps(pacer, [5, 5.1, 2, 2.05, 2.1]) == [
        *(Step.TAKE, Step.TAKE, Step.RESTART, Step.SKIP, Step.TAKE),
    ]


def test_a_restart_makes_a_first_frame():
    pacer = FramePacer(1.0)
    pacer.step(0)
    assert pacer.step(0.1) is Step.SKIP
    pacer.restart()
    assert pacer.step(0.2) is Step.TAKE


@pytest.mark.parametrize(
    ("interval", "options"),
    [(-1, {}), (math.nan, {}), (0.5, {"max_gap": 0.5}), (0, {"max_gap": -1})],
)
def test_refusals(interval, options):
    with pytest.raises(ValueError, match="Received: "):
        FramePacer(interval, **options)


_STEPS = st.lists(st.floats(0.001, 0.2), min_size=2, max_size=200)


@given(_STEPS, st.floats(0.05, 0.5))
def test_laws_of_uneven_times(steps, interval):
    """However frames jitter, the network's pace is kept to a frame."""
    times = np.cumsum(steps)
    taken = _taken(FramePacer(interval), times)
    assert taken[0] == times[0]
    longest = max(steps)
    gaps = np.diff(taken)
    # Never sooner than the nearest frame to the grid may be ...
    assert (gaps > interval - 1.5 * longest - 1e-9).all()
    # ... nor later than the frame after it was due.
    assert (gaps < interval + 1.5 * longest + 1e-9).all()
    assert len(taken) <= (times[-1] - times[0]) / interval + 1.5


@given(_STEPS, st.floats(0.05, 0.5), st.floats(0, 1e6))
def test_the_zero_of_time_means_nothing(steps, interval, offset):
    # Multiples of 1/1024 are added exactly.
    times = np.cumsum(np.ceil(np.array(steps) * 1024)) / 1024
    interval = math.ceil(interval * 1024) / 1024
    expected = _steps(FramePacer(interval), times)
    found = _steps(FramePacer(interval), times + math.ceil(offset))
    assert found == expected
