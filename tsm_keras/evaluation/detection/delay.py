"""average_delay: how many frames pass until a new object is first found.

This is the metric of Mao, Yang and Dally, "A Delay Metric for Video Object
Detection: What Average Precision Fails to Tell" (ICCV 2019).

- The detector works at a fixed number of false alarms: one score is the
  threshold for all classes, the lowest at which false alarms are at most a
  given ratio of the objects' boxes. There are six ratios, from 0.1 to 3.2.
- The delay of an object is the number of frames from its first frame to the
  first in which it is found, with an overlap (IoU) of at least 0.5. It counts
  as at most 30.
- The delay at a ratio is the mean over objects. The average delay is the
  harmonic mean over the ratios, of the delays plus one, minus one.

Two things differ from the authors' code. An object that is never found has a
delay of all its frames, not of one fewer. And a detection that is mostly in an
ignored box of its class is no false alarm.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tsm_keras.evaluation.detection.frames import (
    NOTHING,
    EvaluatedFrame,
    objects_found,
)

RATIOS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
_LONGEST = 30  # Frames.


@dataclasses.dataclass(frozen=True)
class AverageDelay:
    """The delay of a detector, in frames.

    Attributes:
        average: The average delay; NaN if no object has a track.
        objects: The number of objects: tracks, not boxes.
        by_ratio: Each row has a ratio of false alarms to boxes, the threshold
            of scores that keeps to it, the mean delay, and the share of the
            objects that are found at some time.
    """

    average: float
    objects: int
    by_ratio: list[tuple[float, float, float, float]]


def average_delay(frames: Sequence[EvaluatedFrame]) -> AverageDelay:
    """Computes the average delay; the module's docstring has the rule.

    Args:
        frames: The annotated frames, in any order.
    """
    tracks: dict[tuple[int, int, int], list[tuple[int, float]]] = {}
    false_alarms, boxes = [], 0
    for frame in frames:
        truth, found = frame.truth.kept(), frame.found
        places = objects_found(frame)
        false_alarms.append(found.scores[places == NOTHING])
        boxes += len(truth.boxes)
        scores = np.full(len(truth.boxes), -np.inf)
        scores[places[places >= 0]] = found.scores[places >= 0]
        for label, track, score in zip(
            truth.classes, truth.tracks, scores, strict=True
        ):
            if track >= 0:
                key = frame.video, int(track), int(label)
                tracks.setdefault(key, []).append((frame.number, score))
    if not tracks:
        return AverageDelay(float("nan"), 0, [])
    alarms = np.sort(np.concatenate(false_alarms))[::-1]
    rows = []
    for ratio in RATIOS:
        threshold = _threshold(alarms, ratio * boxes)
        delays, found_ones = zip(
            *(_delay(track, threshold) for track in tracks.values()),
            strict=True,
        )
        mean = float(np.minimum(delays, _LONGEST).mean())
        rows.append((ratio, threshold, mean, float(np.mean(found_ones))))
    inverse = np.mean([1 / (mean + 1) for _, _, mean, _ in rows])
    return AverageDelay(float(1 / inverse - 1), len(tracks), rows)


def _threshold(alarms, allowed):
    """Returns the lowest threshold that at most `allowed` alarms exceed.

    Scores must be above the threshold, so that equal scores, of which an int8
    network gives many, are all kept or all dropped.
    """
    count = int(allowed + 1e-9)
    return float(alarms[count]) if count < len(alarms) else 0.0


def _delay(track, threshold):
    """Returns the delay of an object, and whether it is ever found."""
    first = min(number for number, _ in track)
    found = [number for number, score in track if score > threshold]
    if found:
        return min(found) - first, True
    return max(number for number, _ in track) + 1 - first, False
