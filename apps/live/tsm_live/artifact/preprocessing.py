"""fit_frame: resizes and crops a frame to the square that an artifact takes.

`boxes_in_frame` is the way back for what a network found in the square.

Training does the same in `tsm_keras.data.video.resizing`, which is not
installed on a device; a test compares the two. `docs/artifact.md` states the
rule for other languages.
"""

import cv2
import numpy as np

_UINT8 = np.dtype(np.uint8)
_MAX_ASPECT = 32  # A longer frame would take gigabytes when it is resized.


def fit_geometry(
    height: int, width: int, resize_size: int, size: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns how `fit_frame` resizes and crops a frame of some size.

    Returns:
        The height and width after the resize, and the row and column where
        the square starts.
    """
    short = min(height, width)
    rows, columns = (
        (2 * side * resize_size + short) // (2 * short)  # Rounds halves up.
        for side in (height, width)
    )
    return (rows, columns), ((rows - size) // 2, (columns - size) // 2)


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
    resized, (top, left) = fit_geometry(height, width, resize_size, size)
    short = min(height, width)
    if short != resize_size:
        shrinks = resize_size < short
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        frame = cv2.resize(frame, resized[::-1], interpolation=method)
    return frame[top : top + size, left : left + size]


def boxes_in_frame(
    boxes: np.ndarray, height: int, width: int, resize_size: int, size: int
) -> np.ndarray:
    """Moves boxes from the square of `fit_frame` to the frame it came from.

    Args:
        boxes: `[n, 4]` float32, `(x0, y0, x1, y1)` in pixels of the square.
        height: The height of the frame.
        width: The width of the frame.
        resize_size: The short side of the resized frame.
        size: The side of the square.

    Returns:
        `[n, 4]` float32 in pixels of the frame.
    """
    resized, (top, left) = fit_geometry(height, width, resize_size, size)
    scale_y, scale_x = height / resized[0], width / resized[1]
    moved = boxes + np.array([left, top] * 2)  # In float64.
    return (moved * np.array([scale_x, scale_y] * 2)).astype(np.float32)


def check_frame(frame: np.ndarray) -> None:
    """Checks that a session can take `frame`.

    Raises:
        ValueError: If it is not a `[H, W, 3]` uint8 array, or one side is more
            than 32 times as long as the other.
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
            "One side of `frame` must be at most "
            f"{_MAX_ASPECT} times as long as the other. "
            f"Received: shape {frame.shape}"
        )
