"""average_precision: COCO's AP, AP50 and AP75 of a detector."""

import contextlib
import dataclasses
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tsm_keras.evaluation.detection.frames import EvaluatedFrame

_MOST_DETECTIONS = 100  # COCO counts the best 100 of a frame and class.


@dataclasses.dataclass(frozen=True, eq=False)
class AveragePrecision:
    """The average precision of each class at each overlap.

    Attributes:
        labels: The names of the K classes.
        objects: `[K]` int, the number of boxes of each class that are not
            ignored.
        precision: `[10, 101, K]`, the precision at each overlap (IoU 0.5,
            0.55, ... 0.95) and recall (0, 0.01, ... 1): the highest that is
            reached at this recall or a higher one. It is NaN for a class
            without objects.
    """

    labels: tuple[str, ...]
    objects: np.ndarray
    precision: np.ndarray

    @property
    def by_class(self) -> np.ndarray:
        """`[10, K]`, the average precision at each overlap, in [0, 1]."""
        return self.precision.mean(axis=1)

    def ap(self, labels: Iterable[str] | None = None) -> float:
        """Returns the mean over overlaps and classes that have objects.

        Args:
            labels: The classes to average over; None for all.
        """
        return self._mean(slice(None), labels)

    def ap50(self, labels: Iterable[str] | None = None) -> float:
        """Returns the mean over classes at an overlap of 0.5; see `ap`."""
        return self._mean(slice(1), labels)

    def ap75(self, labels: Iterable[str] | None = None) -> float:
        """Returns the mean over classes at an overlap of 0.75; see `ap`."""
        return self._mean(slice(5, 6), labels)

    def _mean(self, rows, labels):
        wanted = set(self.labels if labels is None else labels)
        if unknown := wanted - set(self.labels):
            raise ValueError(
                f"`labels` must be among {self.labels}. "
                f"Received: {sorted(unknown)}"
            )
        counted = self.objects > 0
        counted &= [label in wanted for label in self.labels]
        # Without an object of these classes there is no precision.
        return float(
            self.by_class[rows, counted].mean() if counted.any() else np.nan
        )


def average_precision(
    frames: Sequence[EvaluatedFrame], labels: Sequence[str]
) -> AveragePrecision:
    """Computes average precision as COCO does, with its own code.

    A detection that is mostly in an ignored box of its class counts neither as
    right nor as wrong.

    Args:
        frames: The annotated frames. Only these count, so a detection in a
            frame that nobody annotated is not wrong.
        labels: The names of the classes.

    Raises:
        ValueError: If no frame has an object.
        ModuleNotFoundError: If pycocotools is not installed.
    """
    truths = _coco(frames, labels, _objects)
    answers = _coco(frames, labels, _detections)
    objects = np.zeros(len(labels), int)
    for frame in frames:
        np.add.at(objects, frame.truth.kept().classes, 1)
    if not objects.any():
        raise ValueError(
            "`frames` must have at least one object that is not ignored. "
            f"Received: {len(frames)} frames without any"
        )
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # It prints its progress.
        evaluation = COCOeval(truths, answers, "bbox")
        evaluation.params.areaRng = evaluation.params.areaRng[:1]  # All sizes.
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.params.maxDets = [_MOST_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0]
    return AveragePrecision(
        labels=tuple(labels),
        objects=objects,
        precision=np.where(objects > 0, precision, np.nan),
    )


def _coco(frames, labels, boxes_of) -> Any:
    """Returns COCO's index of the boxes of all frames."""
    try:
        from pycocotools.coco import COCO
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "The average precision of a detector needs pycocotools: "
            "pip install 'tsm-keras[detection]'"
        ) from error
    annotations: list[dict] = []
    for image, frame in enumerate(frames):
        for box, label, others in boxes_of(frame):
            x0, y0, x1, y1 = map(float, box)
            width, height = max(x1 - x0, 0.0), max(y1 - y0, 0.0)
            annotations.append(
                {
                    "id": len(annotations) + 1,  # COCO's 0 means "no match".
                    "image_id": image,
                    "category_id": int(label),
                    "bbox": [x0, y0, width, height],
                    "area": width * height,
                    **others,
                }
            )
    index = COCO()
    index.dataset = {
        "images": [{"id": image} for image in range(len(frames))],
        "categories": [
            {"id": number, "name": name} for number, name in enumerate(labels)
        ],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        index.createIndex()
    return index


def _objects(frame):
    truth = frame.truth
    for box, label, ignored in zip(
        truth.boxes, truth.classes, truth.ignored, strict=True
    ):
        yield box, label, {"iscrowd": int(ignored)}


def _detections(frame):
    found = frame.found
    for box, label, score in zip(
        found.boxes, found.classes, found.scores, strict=True
    ):
        yield box, label, {"iscrowd": 0, "score": float(score)}
