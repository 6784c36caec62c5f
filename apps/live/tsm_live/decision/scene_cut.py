"""SceneCut: notices where a video changes to another scene."""

import cv2
import numpy as np

_SIDE = 16  # The side, in pixels, of the pictures that are compared.
_BINS = 16  # The bins of their histograms.


class SceneCut:
    """Compares each frame with the one before it.

    A cut changes both the layout (the mean difference of tiny grey pictures)
    and the brightness (their histograms). Motion changes the layout alone, and
    a lamp that is switched on the brightness.

    Args:
        threshold: A number in (0, 1]. Where both change at least as much, it
            is a cut.

    Raises:
        ValueError: If the threshold is out of its range.
    """

    def __init__(self, threshold: float = 0.15):
        if not 0 < threshold <= 1:
            raise ValueError(
                "`threshold` must be in (0, 1]. Received: "
                f"threshold={threshold}"
            )
        self._threshold = threshold
        self.restart()

    def restart(self) -> None:
        """Treats the next frame as the first one of a stream."""
        self._last = None

    def is_cut(self, frame: np.ndarray) -> bool:
        """Returns whether a frame begins another scene than the last one.

        Args:
            frame: `[H, W, 3]` uint8.
        """
        last, self._last = self._last, _summary(frame)
        if last is None:
            return False
        places = np.abs(self._last[0] - last[0]).mean()
        kinds = np.abs(self._last[1] - last[1]).sum() / 2
        return bool(min(places, kinds) >= self._threshold)


def _summary(frame):
    small = cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).ravel()
    counts = np.bincount(grey // (256 // _BINS), minlength=_BINS)
    return grey / 255.0, counts / counts.sum()
