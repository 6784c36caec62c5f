"""Chooses the frames of a video to store, by the times they are shown at."""

import math
from collections.abc import Sequence

import numpy as np

_ROUNDING = 0.001  # In seconds. Containers round times to about a millisecond.
_TOLERANCE = 0.25  # In intervals of the grid, for the same reason.


def slot(time: float, frame_rate: float) -> int:
    """Returns the number of the interval of `1 / frame_rate` seconds at `time`.

    The first frame in each interval is stored. No frame of a video with at most
    `frame_rate` frames per second is therefore left out.
    """
    return math.floor((time + _ROUNDING) * frame_rate)


def is_even(times: Sequence[float]) -> bool:
    """Returns whether all gaps are within 50% of their mean."""
    gaps = np.diff(times)
    return not len(gaps) or bool(
        np.all(np.abs(gaps - gaps.mean()) <= 0.5 * gaps.mean())
    )


def even_indices(
    times: Sequence[float], interval: float
) -> tuple[list[int], float]:
    """Maps frames at uneven times to a grid of even times.

    Each time of the grid takes the frame that a player shows at that time.
    Frames are thus repeated in long gaps and left out where they are dense.

    Args:
        times: The time at which each frame is shown, in ascending seconds.
        interval: Seconds between two times of the grid. It is made longer if
            the grid would have more than twice as many times as there are
            frames.

    Returns:
        The index of a frame for each time of the grid, and the interval of the
        grid.
    """
    span = times[-1] - times[0]
    interval = max(interval, span / (2 * len(times) - 1))
    steps = math.floor(span / interval + _TOLERANCE)
    grid = times[0] + (np.arange(steps + 1) + _TOLERANCE) * interval
    return (np.searchsorted(times, grid, "right") - 1).tolist(), interval
