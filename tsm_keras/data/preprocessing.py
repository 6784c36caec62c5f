"""How a frame of any size becomes the square that a network sees."""

import cv2
import numpy as np


def resize_short_side(frames: np.ndarray, size: int) -> np.ndarray:
    """Resizes `[T, H, W, 3]` uint8 frames so that their short side is `size`.

    Area averaging when it shrinks (bilinear aliases), bilinear otherwise.
    """
    height, width = frames.shape[1:3]
    scale = size / min(height, width)
    shape = (max(size, round(width * scale)), max(size, round(height * scale)))
    if shape == (width, height):
        return frames
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.stack(
        [cv2.resize(frame, shape, interpolation=method) for frame in frames]
    )


def center_crop(frames: np.ndarray, size: int) -> np.ndarray:
    """Cuts the central square out of `[T, H, W, 3]` frames."""
    top, left = (np.array(frames.shape[1:3]) - size) // 2
    return frames[:, top : top + size, left : left + size]
