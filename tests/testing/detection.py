"""Frames of objects, beside what a detector found in them."""

import numpy as np

from tsm_keras.evaluation.detection.frames import EvaluatedFrame, Truth
from tsm_live.detection.boxes import Boxes


def boxes_at(*lefts: float) -> list[list[float]]:
    """Returns boxes of 10 x 10 pixels at the top, by their left edges."""
    return [[left, 0, left + 10, 10] for left in lefts]


def truth(boxes, classes, tracks=None, ignored=None) -> Truth:
    """Returns objects, by default in tracks of their own and not ignored."""
    count = len(boxes)
    return Truth(
        np.array(boxes, np.float32).reshape(count, 4),
        np.array(classes, int),
        np.arange(count) if tracks is None else np.array(tracks, int),
        np.array([False] * count if ignored is None else ignored, bool),
    )


def found(boxes, classes, scores) -> Boxes:
    """Returns the boxes that a detector found in a frame."""
    return Boxes(
        np.array(boxes, np.float32).reshape(len(scores), 4),
        np.array(classes, int),
        np.array(scores, np.float32),
    )


def evaluated(objects: Truth, answer: Boxes, *, video=0, number=0):
    """Returns an evaluated frame, by default the first of the first video."""
    return EvaluatedFrame(video, number, objects, answer)
