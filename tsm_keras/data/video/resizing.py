"""Resizes and crops frames of any size to the square that a network sees."""

from collections.abc import Sequence

import cv2
import numpy as np


def resize_short_side(frames: np.ndarray, size: int) -> np.ndarray:
    """Resizes `[T, H, W, C]` uint8 frames so that their short side is `size`.

    Frames that shrink are averaged over areas, because bilinear interpolation
    would alias; others are interpolated bilinearly.
    """
    height, width = with_short_side(frames.shape[1], frames.shape[2], size)
    return resize(frames, height, width)


def with_short_side(height: int, width: int, size: int) -> tuple[int, int]:
    """Returns the height and width that `resize_short_side` resizes to.

    The long side is rounded to the nearest integer, halves upwards. The
    arithmetic uses integers only, so that all languages get the same result.
    """
    short = min(height, width)
    return (
        (2 * height * size + short) // (2 * short),
        (2 * width * size + short) // (2 * short),
    )


def resize(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes `[T, H, W, C]` uint8 frames to any height and width.

    If no side grows, frames are averaged over areas; otherwise they are
    interpolated bilinearly.
    """
    if frames.shape[1:3] == (height, width):
        return frames
    shrinks = height <= frames.shape[1] and width <= frames.shape[2]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = np.empty((len(frames), height, width, frames.shape[3]), np.uint8)
    for frame, target in zip(frames, resized, strict=True):
        cv2.resize(frame, (width, height), target, interpolation=method)
    return resized


def stack_frames(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Stacks `[H, W, 3]` uint8 frames, whose sizes may differ.

    Frames of different sizes are all resized to the smallest short side among
    them, and cropped to the largest central part that fits into each. A central
    crop of the result shows what it would show of the single frames.

    Returns:
        `[T, H, W, 3]`.
    """
    if len({frame.shape for frame in frames}) > 1:
        side = min(min(frame.shape[:2]) for frame in frames)
        frames = [resize_short_side(frame[None], side)[0] for frame in frames]
        height, width = np.min([frame.shape[:2] for frame in frames], axis=0)
        frames = [central_part(frame, height, width) for frame in frames]
    return np.stack(frames)


def center_crop(frames: np.ndarray, size: int) -> np.ndarray:
    """Cuts the central square out of `[..., H, W, 3]` frames."""
    return central_part(frames, size, size)


def central_part(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cuts the centre out of `[..., H, W, 3]` frames."""
    top = (frames.shape[-3] - height) // 2
    left = (frames.shape[-2] - width) // 2
    return frames[..., top : top + height, left : left + width, :]
