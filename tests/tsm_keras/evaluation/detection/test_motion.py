"""AP50 by motion, against a plain rendering of the rule of FGFA."""

import numpy as np
import pytest

from testing.detection import boxes_at, evaluated, found, truth
from tsm_keras.evaluation.detection.motion import (
    GROUPS,
    motion_precision,
    motions,
)

LABELS = ("cat", "dog", "bird")
RANGES = ((0.0, 1.0), (0.9, 1.0), (0.7, 0.9), (0.0, 0.7))


def _overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


def _plain_motion(frames, frame, index):
    """Returns the mean overlap with the same track within 10 frames."""
    track, box = frame.truth.tracks[index], frame.truth.boxes[index]
    values = [
        _overlap(box, other.truth.boxes[k])
        for other in frames
        if other.video == frame.video
        and 0 < abs(other.number - frame.number) <= 10
        for k in range(len(other.truth.boxes))
        if other.truth.tracks[k] == track
    ]
    return sum(values) / len(values)


def _plain_group(frames, low, high, label):
    """Computes AP50 of one group and class, box by box."""
    motion = [
        [_plain_motion(frames, x, k) for k in range(len(x.truth.boxes))]
        for x in frames
    ]
    everything = [value for values in motion for value in values]
    empty = sum(low <= x <= high for x in everything) / len(everything)
    records, positives = [], 0
    for frame, values in zip(frames, motion, strict=True):
        objects = frame.truth
        other = [not low <= value <= high for value in values]
        for k in range(len(values)):
            positives += objects.classes[k] == label and not other[k]
        taken = [False] * len(values)
        for j in np.argsort(-frame.found.scores, kind="stable"):
            box, kind = frame.found.boxes[j], frame.found.classes[j]
            best, chosen, best_other, best_own = -1, -1, -1, -1
            for k in range(len(values)):
                overlap = _overlap(box, objects.boxes[k])
                x0, y0, x1, y1 = map(float, objects.boxes[k])
                width, height = x1 - x0, y1 - y0
                needed = width * height / ((width + 10) * (height + 10))
                if (
                    overlap >= min(needed, 0.5)
                    and overlap > best
                    and not taken[k]
                    and kind == objects.classes[k]
                ):
                    best, chosen = overlap, k
                if other[k]:
                    best_other = max(best_other, overlap)
                else:
                    best_own = max(best_own, overlap)
            right, wrong = 0.0, 0.0
            if chosen >= 0:
                taken[chosen] = True
                right = 0.0 if other[chosen] else 1.0
            elif best_own > best_other:
                wrong = 1.0
            elif best_own == best_other:
                wrong = sum(other) / len(other) if values else empty
            if kind == label:
                records.append((frame.found.scores[j], right, wrong))
    if not positives:
        return float("nan")
    records.sort(key=lambda one: -one[0])
    recall, precision, hits, misses = [0.0], [0.0], 0.0, 0.0
    for _, right, wrong in records:
        hits, misses = hits + right, misses + wrong
        recall.append(hits / positives)
        precision.append(hits / (hits + misses) if hits + misses else 0.0)
    return sum(
        (recall[i] - recall[i - 1]) * max(precision[i:])
        for i in range(1, len(recall))
    )


def _random_frames(rng):
    """Returns videos of objects that move at random speeds, and detections."""
    frames = []
    for video in range(3):
        count = rng.integers(1, 4)
        corners = rng.uniform(0, 80, (count, 2))
        sides = rng.uniform(6, 40, (count, 2))
        speeds = rng.choice([0.05, 0.7, 5], (count, 1))
        steps = rng.normal(0, 1, (count, 2)) * speeds
        classes = rng.integers(0, 2, count)
        for number in range(0, 24, 2):
            there = rng.random(count) < 0.9
            moved = corners + steps * number
            boxes = np.concatenate([moved, moved + sides], axis=1)[there]
            guesses = np.concatenate(
                [boxes + rng.normal(0, 3, boxes.shape), boxes_at(200, 300)]
            )
            kinds = np.concatenate([classes[there], rng.integers(0, 3, 2)])
            swapped = rng.random(len(kinds)) < 0.15
            kinds = np.where(swapped, rng.integers(0, 3, len(kinds)), kinds)
            answer = found(guesses, kinds, rng.random(len(kinds)))
            frames.append(
                evaluated(
                    truth(boxes, classes[there], np.flatnonzero(there)),
                    answer,
                    video=video,
                    number=number,
                )
            )
    return frames


@pytest.mark.parametrize("seed", range(4))
def test_the_rule_of_fgfa(seed):
    frames = _random_frames(np.random.default_rng(seed))
    result = motion_precision(frames, LABELS)
    expected = [
        [_plain_group(frames, *limits, label) for label in range(len(LABELS))]
        for limits in RANGES
    ]
    np.testing.assert_allclose(result.by_class, expected, atol=1e-9)
    assert np.isfinite(result.by_class[1:]).any()


def test_motion_by_hand():
    # A square of 10 pixels moves by 1 pixel per frame.
    frames = [
        evaluated(
            truth(boxes_at(number), [0], [7]), found([], [], []), number=number
        )
        for number in (0, 1, 11)
    ]
    one, ten = 9 / 11, 0.0
    np.testing.assert_allclose(
        np.concatenate(motions(frames)), [one, (one + ten) / 2, ten]
    )


def test_a_perfect_detector_has_every_group():
    rng = np.random.default_rng(5)
    frames = [
        evaluated(
            frame.truth,
            found(
                frame.truth.boxes,
                frame.truth.classes,
                rng.random(len(frame.truth.boxes)),
            ),
            video=frame.video,
            number=frame.number,
        )
        for frame in _random_frames(rng)
    ]
    result = motion_precision(frames, LABELS)
    for group, row in zip(GROUPS, result.objects, strict=True):
        value = result.means()[group]
        assert value == pytest.approx(1) if row.any() else np.isnan(value)
    assert result.objects[0].sum() == result.objects[1:].sum()


def test_what_cannot_be_compared_is_in_no_group():
    frames = [
        evaluated(
            truth(boxes_at(0, 40), [0, 0], tracks=[3, -1]),
            found(boxes_at(0), [0], [0.9]),
        )
    ]
    assert motion_precision(frames, LABELS).objects[:, 0].tolist() == [
        *(2, 0, 0, 0)
    ]


def test_a_detection_in_an_ignored_box_does_not_count():
    def frame(ignored):
        objects = truth(
            [*boxes_at(0), [100, 0, 200, 100]], [0, 0], ignored=[False, True]
        )
        wrong = boxes_at(110 if ignored else 300)
        return [
            evaluated(
                objects, found([*wrong, *boxes_at(0)], [0, 0], [0.9, 0.8])
            )
        ]

    assert motion_precision(frame(True), LABELS).means()["all"] == 1
    assert motion_precision(frame(False), LABELS).means()["all"] == 0.5
