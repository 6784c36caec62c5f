"""draw_marks: draws boxes, labels and tracks of objects into a picture."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from tsm_live.views.panel import Mark
from tsm_live.views.text import put_text, text_width

_DARK = (28, 24, 22)  # BGR.
_FINEST = 4  # Points are drawn to a 16th of a pixel: 4 bits.


def bgr(hue: float, saturation: float) -> tuple[int, int, int]:
    """Returns a bright colour as BGR.

    Args:
        hue: The hue in [0, 1).
        saturation: The saturation in [0, 1].
    """
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, 0.9)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw_marks(
    picture: np.ndarray,
    marks: Sequence[Mark],
    frame_shape: tuple[int, ...],
    *,
    is_mirrored: bool,
) -> None:
    """Draws the marks of a frame into its picture.

    Args:
        picture: The frame, resized and perhaps mirrored: `[H, W, 3]` uint8 BGR.
            It is changed.
        marks: The objects in pixels of the frame. The last one is on top.
        frame_shape: The shape of the frame.
        is_mirrored: Whether the picture is mirrored. Text is not.
    """
    height, width = picture.shape[:2]
    scale = np.array([width / frame_shape[1], height / frame_shape[0]])
    line = max(1, round(min(height, width) / 240))
    text = max(11, round(min(height, width) / 24))

    def place(points):
        points = np.array(points, np.float64).reshape(-1, 2) * scale
        if is_mirrored:
            points[:, 0] = width - points[:, 0]
        return points.clip(-9999, 9999)

    for mark in marks:
        color = bgr(mark.bar.hue, 0.75)
        trail = np.round(place(mark.trail) * (1 << _FINEST)).astype(np.int32)
        cv2.polylines(
            picture, [trail], False, color, line, cv2.LINE_AA, shift=_FINEST
        )
        corners = np.round(place(np.reshape(mark.box, (2, 2)))).astype(int)
        low = corners.min(axis=0).clip(0, (width - 1, height - 1)).tolist()
        high = corners.max(axis=0).clip(0, (width - 1, height - 1)).tolist()
        cv2.rectangle(picture, low, high, color, line)
        _draw_tag(picture, mark, low, text, color)


def _draw_tag(picture, mark, corner, text, color):
    """Writes label and score above a box, or into it at the upper edge."""
    words = f"{mark.bar.label} {mark.bar.score:.0%}"
    left = corner[0]
    top = corner[1] - text if corner[1] >= text else corner[1]
    tag = picture[top : top + text, left:]
    width = min(tag.shape[1], text_width(words, text) + text // 2)
    tag[:, :width] = color
    put_text(picture, words, (left + text // 4, top), text, _DARK, width=width)
