"""motion_precision: AP50 for objects that move slowly, faster and fast.

The rule is that of Flow-Guided Feature Aggregation (Zhu et al. 2017), as its
authors' code computes it for ImageNet-VID (`imagenet_vid_eval_motion.py`).

- The motion of an object in a frame is the mean overlap (IoU) of its box with
  its boxes in the frames up to 10 before and 10 after. It is slow if the mean
  is above 0.9, fast if it is below 0.7, and medium otherwise.
- An object is found if the overlap is at least 0.5, or less for a small box:
  at least `w h / ((w + 10) (h + 10))`, as in ImageNet's rule.
- Objects of all groups take part when detections are matched with objects. For
  a group, what has found an object of another group counts neither as right nor
  as wrong.
- What has found nothing counts as wrong for a group if the object with which it
  overlaps most, of any class, is of the group, and not if that object is of
  another group. If it overlaps equally with both, which mostly means not at
  all, it counts as a part of one: the share of the frame's objects that are of
  other groups. In a frame without objects, it counts as the share of all
  objects that are of the group.
- The average precision of a class is the area below its precision, made to fall
  with recall, without COCO's 101 points. The result is the mean over the
  classes that have objects of the group.

Three things differ. Boxes are continuous, so that no pixel is added to their
sides. An object that has no box in the other frames, or no track, is in no
group, while the authors' file of motions counts it as fast. And a detection
that is mostly in an ignored box of its class never counts.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from tsm_keras.evaluation.detection.frames import (
    EXCUSED,
    NOTHING,
    EvaluatedFrame,
    objects_found,
)
from tsm_live.detection.boxes import box_overlaps

GROUPS = ("all", "slow", "medium", "fast")
_SLOW, _FAST = 0.9, 0.7
_NEARBY = 10  # Frames before and after a frame.
_TOLERANCE = 10  # Pixels by which the box of a small object may be off.


@dataclasses.dataclass(frozen=True, eq=False)
class MotionPrecision:
    """AP50 by motion.

    Attributes:
        labels: The names of the K classes.
        objects: `[4, K]` int, the boxes of each group of `GROUPS` and class.
        by_class: `[4, K]`, the average precision in [0, 1]; NaN where there is
            no object.
    """

    labels: tuple[str, ...]
    objects: np.ndarray
    by_class: np.ndarray

    def means(self) -> dict[str, float]:
        """Returns the mean of each group over the classes with objects."""
        return {
            group: float(row[counts > 0].mean() if counts.any() else np.nan)
            for group, row, counts in zip(
                GROUPS, self.by_class, self.objects, strict=True
            )
        }


def motion_precision(
    frames: Sequence[EvaluatedFrame], labels: Sequence[str]
) -> MotionPrecision:
    """Computes AP50 by motion; the module's docstring has the rule.

    Args:
        frames: The annotated frames, in any order.
        labels: The names of the classes.
    """
    members = [_members(motion) for motion in motions(frames)]
    totals = np.sum([x.sum(axis=1) for x in members], axis=0)
    shares = totals / max(totals[0], 1)
    scores, classes, right, wrong = [], [], [], []
    objects = np.zeros((len(GROUPS), len(labels)), int)
    for frame, groups in zip(frames, members, strict=True):
        truth = frame.truth.kept()
        for row, of_group in zip(objects, groups, strict=True):
            np.add.at(row, truth.classes[of_group], 1)
        found = objects_found(frame, _needed(truth.boxes))
        hits = found >= 0
        by_frame = np.zeros((2, len(GROUPS), len(found)))
        by_frame[0][:, hits] = groups[:, found[hits]]
        by_frame[1] = _wrong(frame, truth, groups, shares)
        by_frame[1][:, found != NOTHING] = 0
        counted = found != EXCUSED
        right.append(by_frame[0][:, counted])
        wrong.append(by_frame[1][:, counted])
        scores.append(frame.found.scores[counted])
        classes.append(frame.found.classes[counted])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    found_classes = np.concatenate(classes)[order]
    all_right = np.concatenate(right, axis=1)[:, order]
    all_wrong = np.concatenate(wrong, axis=1)[:, order]
    by_class = np.full(objects.shape, np.nan)
    for group, label in np.argwhere(objects):
        chosen = found_classes == label
        by_class[group, label] = _area(
            all_right[group, chosen],
            all_wrong[group, chosen],
            objects[group, label],
        )
    return MotionPrecision(tuple(labels), objects, by_class)


def motions(frames: Sequence[EvaluatedFrame]) -> list[np.ndarray]:
    """Returns the mean overlap of each object with itself in nearby frames.

    Returns:
        An array per frame, with a value per object that is not ignored; NaN
        if there is no other box to compare with.
    """
    tracks = collections.defaultdict(list)
    found = []
    for place, frame in enumerate(frames):
        truth = frame.truth.kept()
        found.append(np.full(len(truth.boxes), np.nan))
        for index, track in enumerate(truth.tracks):
            if track >= 0:
                one = (frame.number, place, index, truth.boxes[index])
                tracks[frame.video, int(track)].append(one)
    for track in tracks.values():
        numbers = np.array([one[0] for one in track])
        boxes = np.array([one[3] for one in track])
        for number, place, index, box in track:
            near = (abs(numbers - number) <= _NEARBY) & (numbers != number)
            if near.any():
                found[place][index] = box_overlaps(
                    box[None], boxes[near]
                ).mean()
    return found


def _members(motion):
    """Returns for each group which objects of a frame are in it."""
    return np.stack(
        [
            np.ones(len(motion), bool),
            motion > _SLOW,
            (motion >= _FAST) & (motion <= _SLOW),
            motion < _FAST,
        ]
    )


def _needed(boxes):
    """Returns the overlap with which each object counts as found."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.minimum(np.prod(sides / (sides + _TOLERANCE), axis=1), 0.5)


def _wrong(frame, truth, groups, shares):
    """Returns how much each detection counts as wrong if it found nothing."""
    found = frame.found.boxes
    if not len(truth.boxes):
        return np.repeat(shares[:, None], len(found), axis=1)
    by_overlap = box_overlaps(found, truth.boxes)
    counts = np.zeros((len(groups), len(found)))
    for count, of_group in zip(counts, groups, strict=True):
        inside = np.where(of_group, by_overlap, -1).max(axis=1)
        outside = np.where(of_group, -1, by_overlap).max(axis=1)
        count[:] = np.select(
            [inside > outside, inside < outside], [1, 0], 1 - of_group.mean()
        )
    return counts


def _area(right, wrong, objects):
    """Returns the area below the precision as a function of the recall."""
    right, wrong = right.cumsum(), wrong.cumsum()
    precision = right / np.maximum(right + wrong, np.finfo(np.float64).tiny)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(right, prepend=0) * falling).sum() / objects)
