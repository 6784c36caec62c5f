"""EvaluatedFrame: the objects of a frame beside what a detector found in it."""

import dataclasses
from typing import Protocol

import numpy as np

NOTHING, EXCUSED = -1, -2  # See `objects_found`.


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """The objects of a frame.

    Attributes:
        boxes: `[n, 4]`, `(x0, y0, x1, y1)` in pixels.
        classes: `[n]` int, the number of each object's class.
        tracks: `[n]` int, a number that an object keeps from frame to frame
            of its video; negative if it is unknown.
        ignored: `[n]` bool, boxes such as crowds, which a detector need not
            find and may find.
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


class Found(Protocol):
    """The boxes that a detector found in a frame, the best score first.

    Attributes:
        boxes: `[m, 4]`, `(x0, y0, x1, y1)` in pixels.
        classes: `[m]` int.
        scores: `[m]` in [0, 1].
    """

    @property
    def boxes(self) -> np.ndarray: ...

    @property
    def classes(self) -> np.ndarray: ...

    @property
    def scores(self) -> np.ndarray: ...


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedFrame:
    """An annotated frame of a video, with a detector's answer.

    Attributes:
        video: Number of the video.
        number: Number of the frame in its video, at the video's own rate.
        truth: The objects in the frame.
        found: What the detector found in it.
    """

    video: int
    number: int
    truth: Truth
    found: Found


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the intersection over union of `[n, 4]` and `[m, 4]` boxes."""
    shared = _intersections(boxes, others)
    union = _areas(boxes)[:, None] + _areas(others) - shared
    return shared / np.maximum(union, np.finfo(np.float64).tiny)


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
    by_overlap = overlaps(found.boxes, truth.boxes)
    fits = (by_overlap >= needed) & (found.classes[:, None] == truth.classes)
    taken = np.zeros(len(truth.boxes), bool)
    objects = np.full(len(found.scores), NOTHING)
    for place in np.argsort(-found.scores, kind="stable"):
        open_ones = fits[place] & ~taken
        if open_ones.any():
            chosen = np.where(open_ones, by_overlap[place], -1).argmax()
            objects[place], taken[chosen] = chosen, True
    ignored = frame.truth.left_out()
    shared = _intersections(found.boxes, ignored.boxes)
    inside = (2 * shared >= _areas(found.boxes)[:, None]) & (
        found.classes[:, None] == ignored.classes
    )
    objects[(objects == NOTHING) & inside.any(axis=1)] = EXCUSED
    return objects


def _areas(boxes):
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)


def _intersections(boxes, others):
    corner = np.minimum(boxes[:, None, 2:], others[:, 2:])
    sides = corner - np.maximum(boxes[:, None, :2], others[:, :2])
    return np.prod(np.maximum(sides, 0), axis=2, dtype=np.float64)
