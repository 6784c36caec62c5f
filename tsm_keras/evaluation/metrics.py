"""compute_metrics: accuracy, calibration and metrics of each class."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tsm_keras.evaluation.predictions import Predictions

_TOP = 5


@dataclasses.dataclass(frozen=True)
class ClassMetrics:
    """The metrics of one class; shares are in [0, 1], NaN if undefined.

    Attributes:
        label: Name of the class.
        clips: The number of clips of this class.
        predicted: The number of clips that are predicted as this class.
        recall: The share of the clips of this class that are predicted as it.
        precision: The share of the clips predicted as this class that are of
            it.
        f1: The harmonic mean of recall and precision.
    """

    label: str
    clips: int
    predicted: int
    recall: float
    precision: float
    f1: float


@dataclasses.dataclass(frozen=True)
class Metrics:
    """The metrics of a model; shares are in [0, 1].

    Attributes:
        clips: The number of clips.
        top1: The share of clips whose most probable class is right.
        top5: The share of clips whose class is among the five most probable;
            None for five classes or fewer, where it would always be 1.
        mean_class_accuracy: The mean recall of the classes that have clips;
            every class has the same weight.
        calibration_error: Expected calibration error; see `reliability`.
        classes: The metrics of each class, in label order.
    """

    clips: int
    top1: float
    top5: float | None
    mean_class_accuracy: float
    calibration_error: float
    classes: tuple[ClassMetrics, ...]


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy of clips in bins of equal width of confidence.

    Attributes:
        edges: `[bins + 1]`, the edges of the bins, from 0 to 1.
        clips: `[bins]` int64, the number of clips in each bin.
        confidence: `[bins]`, the mean probability of the predicted class; NaN
            in a bin without clips.
        accuracy: `[bins]`, the share of clips whose predicted class is right;
            NaN in a bin without clips.
    """

    edges: np.ndarray
    clips: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    def expected_error(self) -> float:
        """Returns the mean of |accuracy - confidence| over clips (ECE)."""
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float((gaps * self.clips).sum() / self.clips.sum())


def compute_metrics(predictions: Predictions) -> Metrics:
    """Computes accuracy, calibration error and the metrics of each class."""
    from sklearn.metrics import (
        precision_recall_fscore_support,
        top_k_accuracy_score,
    )

    numbers = np.arange(len(predictions.label_names))
    labels, classes = predictions.labels, predictions.classes()
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, classes, labels=numbers, zero_division=np.nan
    )
    rows = zip(
        predictions.label_names,
        support.tolist(),
        np.bincount(classes, minlength=len(numbers)).tolist(),
        recall.tolist(),
        precision.tolist(),
        f1.tolist(),
        strict=True,
    )
    top5 = None
    if len(numbers) > _TOP:
        top5 = top_k_accuracy_score(
            labels, predictions.logits(), k=_TOP, labels=numbers
        )
    return Metrics(
        clips=len(labels),
        top1=predictions.top1(),
        top5=None if top5 is None else float(top5),
        mean_class_accuracy=float(np.mean(recall[support > 0])),
        calibration_error=reliability(predictions).expected_error(),
        classes=tuple(ClassMetrics(*row) for row in rows),
    )


def all_right(predictions: Mapping[str, Predictions]) -> float:
    """Returns the share of clips for which the classes of all heads are right.

    Args:
        predictions: The predictions of each head, by its name. With one head
            the result is its top-1.
    """
    right = [one.classes() == one.labels for one in predictions.values()]
    return float(np.mean(np.all(right, axis=0)))


def reliability(predictions: Predictions, bins: int = 15) -> Reliability:
    """Compares confidence with accuracy (Guo et al., ICML 2017, section 2).

    Args:
        predictions: The predictions of a model.
        bins: The number of bins of equal width; the first one includes 0.
    """
    confidence = predictions.probabilities().max(axis=1)
    right = predictions.classes() == predictions.labels
    edges = np.linspace(0, 1, bins + 1)
    places = np.clip(
        np.digitize(confidence, edges, right=True) - 1, 0, bins - 1
    )
    clips = np.bincount(places, minlength=bins)

    def mean(values):
        sums = np.bincount(places, values, minlength=bins)
        return np.where(clips > 0, sums / np.maximum(clips, 1), np.nan)

    return Reliability(edges, clips, mean(confidence), mean(right))


@dataclasses.dataclass(frozen=True)
class Confusion:
    """The clips of one class that are predicted as another class.

    Attributes:
        label: Number of the true class.
        predicted: Number of the predicted class.
        clips: Numbers of the clips, the most confident mistake first.
    """

    label: int
    predicted: int
    clips: tuple[int, ...]


def most_confused(predictions: Predictions, count: int) -> list[Confusion]:
    """Returns the `count` most confused pairs of classes, most frequent first.

    Fewer are returned if fewer pairs of classes are confused.
    """
    counts = predictions.confusion()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:count]
    pairs = np.stack(np.unravel_index(order, counts.shape), 1)
    classes = predictions.classes()
    confidence = predictions.probabilities().max(axis=1)
    found = []
    for label, predicted in pairs[counts[tuple(pairs.T)] > 0].tolist():
        (clips,) = np.nonzero(
            (predictions.labels == label) & (classes == predicted)
        )
        clips = clips[np.argsort(-confidence[clips], kind="stable")]
        found.append(Confusion(label, predicted, tuple(clips.tolist())))
    return found
