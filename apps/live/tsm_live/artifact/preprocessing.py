"""How a frame of any size becomes the square that an artifact takes.

The rule is that of training (`tsm_keras.data.video.resizing`), which is not
installed on a device; a test holds the two together. `docs/artifact.md` states
it for other languages.
"""

import cv2
import numpy as np

_UINT8 = np.dtype(np.uint8)
_MAX_ASPECT = 32  # Resized, a sliver would take gigabytes.


def fit_frame(frame: np.ndarray, resize_size: int, size: int) -> np.ndarray:
    """Resizes the short side to `resize_size`, then crops the centre.

    Args:
        frame: `[H, W, 3]` uint8.
        resize_size: The short side after resizing, in pixels.
        size: The side of the square, at most `resize_size`.

    Returns:
        `[size, size, 3]` uint8.
    """
    height, width = frame.shape[:2]
    short = min(height, width)
    resized = tuple(
        (2 * side * resize_size + short) // (2 * short)  # Halves up.
        for side in (width, height)
    )
    if short != resize_size:
        shrinks = resize_size < short
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        frame = cv2.resize(frame, resized, interpolation=method)
    top, left = ((side - size) // 2 for side in frame.shape[:2])
    return frame[top : top + size, left : left + size]


def check_frame(frame: np.ndarray) -> None:
    """Refuses what no session takes as a frame.

    Raises:
        ValueError: If it is no `[H, W, 3]` uint8 array, or a sliver.
    """
    if (
        not isinstance(frame, np.ndarray)
        or frame.ndim != 3
        or frame.shape[2] != 3
        or not frame.size
        or frame.dtype != _UINT8
    ):
        shape = getattr(frame, "shape", None)
        dtype = getattr(frame, "dtype", type(frame).__name__)
        raise ValueError(
            "`frame` must be a [H, W, 3] uint8 array. "
            f"Received: shape {shape}, dtype {dtype}"
        )
    height, width, _ = frame.shape
    if not 1 / _MAX_ASPECT <= width / height <= _MAX_ASPECT:
        raise ValueError(
            f"`frame` may be {_MAX_ASPECT} times as long as wide at most. "
            f"Received: shape {frame.shape}"
        )
