"""windows: lays the clips of a detector over all frames of a video."""

import collections
from collections.abc import Iterable, Iterator

import numpy as np


def windows(
    frames: Iterable[np.ndarray], length: int, *, causal: bool
) -> Iterator[tuple[np.ndarray, slice]]:
    """Yields overlapping windows that give each frame one prediction.

    Each window begins half a window after the last one; the last one ends with
    the last frame. For a causal network, a frame is predicted in the first
    window that has it: so all frames except those of the first window have at
    least half a window of earlier frames. For another network, it is
    predicted in the window in whose middle half it is. A video that is shorter
    than a window is filled up with its last frame.

    Args:
        frames: The frames of a video, each `[S, S, 3]`.
        length: The number of frames per window, T.
        causal: Whether the network sees no later frames.

    Yields:
        The frames of a window, `[T, S, S, 3]`, and the places in it of the
        frames that are predicted in this window, which are those that follow
        the frames that were predicted before.
    """
    step = max(length // 2, 1)
    end = length if causal else length - (length - step) // 2
    recent: collections.deque[np.ndarray] = collections.deque(maxlen=length)
    count = predicted = 0
    for count, frame in enumerate(frames, start=1):
        recent.append(frame)
        first = count - length  # The number of the first frame in the window.
        if first >= 0 and first % step == 0:
            yield np.stack(recent), slice(predicted - first, end)
            predicted = first + end
    if predicted < count:
        filled = [*recent, *[recent[-1]] * (length - len(recent))]
        known = len(recent)
        yield np.stack(filled), slice(known - (count - predicted), known)
