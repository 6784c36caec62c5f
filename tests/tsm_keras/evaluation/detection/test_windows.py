"""Windows give every frame of a video one prediction, with enough past."""

import numpy as np
import pytest

from tsm_keras.evaluation.detection.windows import windows

LENGTHS = (1, 2, 5, 8)
COUNTS = (1, 3, 7, 8, 9, 12, 13, 40)


def _frames(count):
    return (np.full((2, 2, 3), number, np.uint8) for number in range(count))


def _predicted(count, length, causal):
    """Yields the numbers of a window's frames, and those predicted in it."""
    for window, places in windows(_frames(count), length, causal=causal):
        assert window.shape == (length, 2, 2, 3)
        numbers = window[:, 0, 0, 0].tolist()
        yield numbers, list(range(length))[places]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("count", COUNTS)
def test_every_frame_is_predicted_once_and_in_order(count, length, causal):
    predicted = []
    for numbers, places in _predicted(count, length, causal):
        predicted += [numbers[place] for place in places]
        known = numbers[: min(count, length)]
        assert known == list(range(known[0], known[0] + len(known)))
        assert set(numbers[len(known) :]) <= {count - 1}  # The last one fills.
    assert predicted == list(range(count))


def test_a_causal_network_sees_at_least_half_a_window_of_earlier_frames():
    for numbers, places in _predicted(count=41, length=8, causal=True):
        for place in places:
            assert place >= min(4, numbers[place])


def test_another_network_sees_frames_on_both_sides():
    for numbers, places in _predicted(count=41, length=8, causal=False):
        for place in places:
            assert place >= min(2, numbers[place])
            assert 7 - place >= min(2, 40 - numbers[place])


def test_a_video_without_frames_has_no_windows():
    assert not list(windows(iter(()), 8, causal=True))
