"""Predictions: the logits of a model for clips, beside their true classes."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """The logits of N clips of T frames for K classes, and the true classes.

    The prediction after the first t frames is the class with the highest mean
    logit of these frames; of equal logits the first class is taken. Means are
    computed in float64, so that `top1()` equals the last value of
    `top1_by_frames()` exactly.

    Attributes:
        frame_logits: `[N, T, K]` float32, finite. T is 1 if there is one row
            of logits per clip.
        labels: `[N]` int64 in `[0, K)`, the true class of each clip.
        label_names: The names of the K classes.
        clip_names: The file of each clip; empty if unknown.

    Raises:
        ValueError: If a shape, a dtype or a value is not as described.
    """

    frame_logits: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    clip_names: tuple[str, ...] = ()

    def __post_init__(self):
        logits, labels = self.frame_logits, self.labels
        if logits.ndim != 3 or 0 in logits.shape or logits.dtype != np.float32:
            raise ValueError(
                "`frame_logits` must be [N, T, K] float32 with no dimension of "
                "0. "
                f"Received: {_describe(logits)}"
            )
        if labels.shape != logits.shape[:1] or labels.dtype != np.int64:
            raise ValueError(
                f"`labels` must be [{len(logits)}] int64, one per clip. "
                f"Received: {_describe(labels)}"
            )
        num_classes = logits.shape[2]
        if len(self.label_names) != num_classes:
            raise ValueError(
                f"`label_names` must name {num_classes} classes. "
                f"Received: label_names={self.label_names!r}"
            )
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(
                f"`labels` must be in [0, {num_classes}). "
                f"Received: {labels.min()} to {labels.max()}"
            )
        if len(self.clip_names) not in (0, len(labels)):
            raise ValueError(
                f"`clip_names` must name {len(labels)} clips or be empty. "
                f"Received: {len(self.clip_names)} names"
            )
        # argmax would take NaN for the highest logit and report an accuracy.
        if not np.isfinite(logits).all():
            raise ValueError(
                "`frame_logits` must be finite. Received: NaN or infinity in "
                f"{(~np.isfinite(logits)).any((1, 2)).sum()} of {len(logits)} "
                "clips"
            )

    def classes(self) -> np.ndarray:
        """Returns the predicted class after all frames, `[N]` int64."""
        return self._classes_by_frames()[:, -1]

    def logits(self) -> np.ndarray:
        """Returns the mean logits of each clip, `[N, K]` float64."""
        return self.frame_logits.mean(axis=1, dtype=np.float64)

    def probabilities(self) -> np.ndarray:
        """Returns the softmax of the mean logits, `[N, K]` float64."""
        return softmax(self.logits())

    def top1(self) -> float:
        """Returns the share of clips whose predicted class is right."""
        return float(np.mean(self.classes() == self.labels))

    def top1_by_frames(self) -> np.ndarray:
        """Returns the top-1 after the first 1, 2, ... T frames, `[T]`."""
        right = self._classes_by_frames() == self.labels[:, None]
        return right.mean(axis=0)

    def confusion(self) -> np.ndarray:
        """Returns the confusion matrix.

        Returns:
            `[K, K]` int64 counts with the sum N. Rows are true classes,
            columns are predicted classes.
        """
        num_classes = len(self.label_names)
        counts = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(counts, (self.labels, self.classes()), 1)
        return counts

    def agreement(self, other: "Predictions") -> float:
        """Returns the share of clips for which both predict the same class.

        Args:
            other: Predictions for the same clips in the same order.

        Raises:
            ValueError: If the labels or their names differ.
        """
        if self.label_names != other.label_names or not np.array_equal(
            self.labels, other.labels
        ):
            raise ValueError(
                "`other` must be of the same clips in the same order. "
                f"Received: {len(other.labels)} clips of "
                f"{len(other.label_names)} classes for {len(self.labels)} of "
                f"{len(self.label_names)}, or other labels"
            )
        return float(np.mean(self.classes() == other.classes()))

    def _classes_by_frames(self):
        # The sum and the mean have the same argmax.
        sums = np.cumsum(self.frame_logits, axis=1, dtype=np.float64)
        return sums.argmax(axis=2)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the softmax over the last axis."""
    scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return scores / scores.sum(axis=-1, keepdims=True)


def _describe(array):
    return f"{list(array.shape)} {array.dtype}"
