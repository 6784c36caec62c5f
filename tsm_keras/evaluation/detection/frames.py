"""EvaluatedFrame: the objects of a frame beside what a detector found in it."""

import dataclasses

import numpy as np

from tsm_live.detection.boxes import Boxes, box_overlaps

NOTHING, EXCUSED = -1, -2  # See `objects_found`.


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """The objects of a frame.

    Attributes:
        boxes: `[n, 4]`, `(x0, y0, x1, y1)` in pixels.
        classes: `[n]` int, the number of each object's class.
        tracks: `[n]` int, a number that an object keeps from frame to frame
            of its video; negative if it is unknown.
        ignored: `[n]` bool, boxes such as crowds, which a detector may find
            but need not.
    """

    boxes: np.ndarray
    classes: np.ndarray
    tracks: np.ndarray
    ignored: np.ndarray

    def kept(self) -> "Truth":
        """Returns the objects that are not ignored."""
        return self._where(~self.ignored)

    def left_out(self) -> "Truth":
        """Returns the boxes that are ignored."""
        return self._where(self.ignored)

    def _where(self, mask):
        return Truth(*(value[mask] for value in vars(self).values()))


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedFrame:
    """An annotated frame of a video, with a detector's answer.

    Attributes:
        video: Number of the video.
        number: Number of the frame in its video, at the video's own rate.
        truth: The objects in the frame.
        found: What the detector found in it, also with low scores.
    """

    video: int
    number: int
    truth: Truth
    found: Boxes


def objects_found(
    frame: EvaluatedFrame, needed: np.ndarray | float = 0.5
) -> np.ndarray:
    """Says which object each detection of a frame has found.

    In the order of falling scores, each detection takes the object of its
    class with which it overlaps most, among the objects that are not taken.

    Args:
        frame: The frame.
        needed: The smallest overlap (IoU) with which an object counts as
            found; one number, or one per object of `frame.truth.kept()`.

    Returns:
        `[m]` int, for each detection the place of its object in
        `frame.truth.kept()`; `EXCUSED` for a detection that has found none but
        is, by half of its area or more, in an ignored box of its class; and
        `NOTHING` otherwise.
    """
    truth, found = frame.truth.kept(), frame.found
    by_overlap = box_overlaps(found.boxes, truth.boxes)
    fits = (by_overlap >= needed) & (found.classes[:, None] == truth.classes)
    taken = np.zeros(len(truth.boxes), bool)
    objects = np.full(len(found.scores), NOTHING)
    for place in np.argsort(-found.scores, kind="stable"):
        open_ones = fits[place] & ~taken
        if open_ones.any():
            chosen = np.where(open_ones, by_overlap[place], -1).argmax()
            objects[place], taken[chosen] = chosen, True
    ignored = frame.truth.left_out()
    inside = (_shares_inside(found.boxes, ignored.boxes) >= 0.5) & (
        found.classes[:, None] == ignored.classes
    )
    objects[(objects == NOTHING) & inside.any(axis=1)] = EXCUSED
    return objects


def _shares_inside(boxes, others):
    """Returns which share of the area of each box is in each other one."""
    overlaps = box_overlaps(boxes, others)
    areas, of_others = (
        np.prod(found[:, 2:] - found[:, :2], axis=1, dtype=np.float64)
        for found in (boxes, others)
    )
    # The overlap is the shared area divided by what both cover.
    shared = overlaps / (1 + overlaps) * (areas[:, None] + of_others)
    return shared / np.maximum(areas, np.finfo(np.float64).tiny)[:, None]
