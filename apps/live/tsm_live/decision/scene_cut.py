"""SceneCut: notices where a video changes to another scene."""

import cv2
import numpy as np

_SIDE = 16  # The side, in pixels, of the pictures that are compared.
_BINS = 16  # The bins of their histograms.


class SceneCut:
    """Compares each frame with the one before it.

    Both frames are reduced to small grey pictures. At a cut, both the pixels
    (their mean difference) and the histograms change. Motion changes mainly
    the pixels, and a lamp mainly the histograms.

    Args:
        threshold: A number in (0, 1]. If both changes are at least this large,
            there is a cut.

    Raises:
        ValueError: If the threshold is out of range.
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
        """Returns whether a new scene begins with this frame.

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
