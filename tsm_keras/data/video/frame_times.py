"""Which frames of a video are stored: by when they are shown, not by number."""

import math
from collections.abc import Sequence

import numpy as np

_ROUNDING = 0.001  # Seconds: containers round times, to a millisecond or so.
_TOLERANCE = 0.25  # Of an interval of the grid, for the same reason.


def slot(time: float, frame_rate: float) -> int:
    """Numbers the interval of `1 / frame_rate` seconds a time is in.

    Of the frames in one interval the first is stored; so no frame of a video
    that is slower than `frame_rate` is left out.
    """
    return math.floor((time + _ROUNDING) * frame_rate)


def is_even(times: Sequence[float]) -> bool:
    """Whether the gaps between ascending times are within half their mean."""
    gaps = np.diff(times)
    return not len(gaps) or bool(
        np.all(np.abs(gaps - gaps.mean()) <= 0.5 * gaps.mean())
    )


def even_indices(
    times: Sequence[float], interval: float
) -> tuple[list[int], float]:
    """Puts frames of a varying rate on a grid of even times.

    Each time of the grid takes the frame that is on display then: frames
    repeat in long gaps and are left out in bursts.

    Args:
        times: When each frame is shown; ascending seconds.
        interval: Seconds between two times of the grid. It is made longer if
            there would be more than twice as many as frames.

    Returns:
        The index of a frame for each time of the grid, and its interval.
    """
    span = times[-1] - times[0]
    interval = max(interval, span / (2 * len(times) - 1))
    steps = math.floor(span / interval + _TOLERANCE)
    grid = times[0] + (np.arange(steps + 1) + _TOLERANCE) * interval
    return (np.searchsorted(times, grid, "right") - 1).tolist(), interval
