"""measure: all figures of a detector, and as JSON values and tables."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_keras.evaluation.detection.average_precision import (
    AveragePrecision,
    average_precision,
)
from tsm_keras.evaluation.detection.delay import AverageDelay, average_delay
from tsm_keras.evaluation.detection.frames import EvaluatedFrame
from tsm_keras.evaluation.detection.motion import (
    GROUPS,
    MotionPrecision,
    motion_precision,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Measures:
    """The figures of a detector.

    Attributes:
        precision: The average precision.
        motion: AP50 by motion.
        delay: The average delay.
    """

    precision: AveragePrecision
    motion: MotionPrecision
    delay: AverageDelay

    def summary(self) -> dict[str, float]:
        """Returns the main figures by their names; shares are in [0, 1]."""
        by_motion = self.motion.means()
        return {
            "ap": self.precision.ap(),
            "ap50": self.precision.ap50(),
            "ap75": self.precision.ap75(),
            **{f"ap50_{group}": by_motion[group] for group in GROUPS[1:]},
            "average_delay": self.delay.average,
        }

    def classes(self) -> list[dict[str, Any]]:
        """Returns the figures of each class, NaN where it has no object."""
        precision, motion = self.precision, self.motion
        return [
            {
                "label": label,
                "objects": int(precision.objects[number]),
                "ap": float(precision.by_class[:, number].mean()),
                "ap50": float(precision.by_class[0, number]),
                "ap75": float(precision.by_class[5, number]),
                **{
                    f"ap50_{group}": float(motion.by_class[place, number])
                    for place, group in enumerate(GROUPS)
                    if place
                },
            }
            for number, label in enumerate(precision.labels)
        ]

    def to_json(self) -> dict[str, Any]:
        """Returns all figures as JSON values, except that some may be NaN."""
        recall = np.linspace(0, 1, self.precision.precision.shape[1])
        by_motion = self.motion.objects.sum(axis=1).tolist()
        return {
            **self.summary(),
            "objects_by_motion": dict(zip(GROUPS, by_motion, strict=True)),
            "delay_by_false_alarms": [
                dict(zip(_DELAY, row, strict=True))
                for row in self.delay.by_ratio
            ],
            "tracks": self.delay.objects,
            "classes": self.classes(),
            "precision_at_recall": {
                "recall": recall.round(2).tolist(),
                "precision": dict(
                    zip(
                        self.precision.labels,
                        self.precision.precision[0].T.tolist(),
                        strict=True,
                    )
                ),
            },
        }


_DELAY = ("false_alarms_per_box", "threshold", "delay", "found")


def measure(
    frames: Sequence[EvaluatedFrame], labels: Sequence[str]
) -> Measures:
    """Computes all figures of a detector.

    Args:
        frames: The annotated frames.
        labels: The names of the classes.

    Raises:
        ValueError, ModuleNotFoundError: As in `average_precision`.
    """
    return Measures(
        average_precision(frames, labels),
        motion_precision(frames, labels),
        average_delay(frames),
    )
