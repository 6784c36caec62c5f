"""Chooses the frames of a video to store, by the times they are shown at."""

import math
from collections.abc import Sequence

import numpy as np

_ROUNDING = 0.002  # In seconds. Containers round times to a millisecond.
_TOLERANCE = 0.25  # In intervals of the grid, for the same reason.


def is_due(time: float, last: float, frame_rate: float) -> bool:
    """Returns whether a frame is far enough from the last one to be stored.

    A video of a constant frame rate keeps every k-th frame, so that equal
    numbers of frames are equal times apart: if at most 25 frames per second
    are stored, a video of 30 frames per second keeps 15. No frame of a video
    that is slower than `frame_rate` is left out.

    Args:
        time: The time of the frame, in seconds.
        last: The time of the last frame that was stored.
        frame_rate: The most frames to store per second.
    """
    return time - last >= 1 / frame_rate - _ROUNDING


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
