"""Folders of frames with a bright rectangle, and its boxes as MOT text."""

import cv2
import numpy as np


def write_sequence(root, rectangles, sizes, name="street", extra=""):
    """Writes a sequence in the format of MOTChallenge.

    Args:
        root: The folder of the collection.
        rectangles: `(x0, y0, x1, y1)` of each frame, integers in pixels.
        sizes: The height and width of each frame.
        name: The folder of the sequence in `root`.
        extra: Further lines of the text.
    """
    folder = root / name
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    lines = []
    for place, (box, size) in enumerate(zip(rectangles, sizes, strict=True), 1):
        frame = np.full((*size, 3), 30, np.uint8)
        x0, y0, x1, y1 = box
        frame[max(y0, 0) : y1, max(x0, 0) : x1] = 230
        cv2.imwrite(str(folder / f"img1/{place:04d}.png"), frame)
        lines.append(f"{place},1,{x0},{y0},{x1 - x0},{y1 - y0}")
    (folder / "gt/gt.txt").write_text("\n".join([*lines, extra]))
    return folder


def bright_part(frame):
    """Returns the box around the bright pixels of a frame, None without any."""
    y, x = np.nonzero(np.asarray(frame).max(-1) > 130)
    if not len(x):
        return None
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])
