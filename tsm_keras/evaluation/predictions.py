"""Predictions: what a model says after each frame of each clip."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """The logits of a set of clips beside the truth.

    A prediction after some frames is the class of the highest mean logit of
    these frames; equal logits go to the first class. Means are taken in
    float64, so that `top1()` and the last of `top1_by_frames()` never differ
    by rounding.

    Attributes:
        frame_logits: `[N, T, K]` float32, finite.
        labels: `[N]` int64, in `[0, K)`.
        label_names: The K classes.
        clip_names: The file that each clip is from, or empty.

    Raises:
        ValueError: If a shape, a dtype or a value is another.
    """

    frame_logits: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    clip_names: tuple[str, ...] = ()

    def __post_init__(self):
        logits, labels = self.frame_logits, self.labels
        if logits.ndim != 3 or 0 in logits.shape or logits.dtype != np.float32:
            raise ValueError(
                "`frame_logits` must be [N, T, K] float32, none of them 0. "
                f"Received: {_describe(logits)}"
            )
        if labels.shape != logits.shape[:1] or labels.dtype != np.int64:
            raise ValueError(
                f"`labels` must be [{len(logits)}] int64, one a clip. "
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
                f"`clip_names` must name {len(labels)} clips, or none. "
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
        """Returns the class of each clip after all frames, `[N]` int64."""
        return self._classes_by_frames()[:, -1]

    def logits(self) -> np.ndarray:
        """Returns the mean logits of each clip, `[N, K]` float64."""
        return self.frame_logits.mean(axis=1, dtype=np.float64)

    def probabilities(self) -> np.ndarray:
        """Returns the softmax of the mean logits, `[N, K]` float64."""
        return softmax(self.logits())

    def top1(self) -> float:
        """Returns the share of clips whose class is right."""
        return float(np.mean(self.classes() == self.labels))

    def top1_by_frames(self) -> np.ndarray:
        """Returns the top-1 after the first 1, 2, ... T frames, `[T]`."""
        right = self._classes_by_frames() == self.labels[:, None]
        return right.mean(axis=0)

    def confusion(self) -> np.ndarray:
        """Returns how often each class (row) is taken for each (column).

        Returns:
            `[K, K]` int64; the whole sums to N.
        """
        num_classes = len(self.label_names)
        counts = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(counts, (self.labels, self.classes()), 1)
        return counts

    def agreement(self, other: "Predictions") -> float:
        """Returns the share of clips that both put in one class.

        Args:
            other: Of the same clips in the same order.

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
        # A sum has the argmax of its mean.
        sums = np.cumsum(self.frame_logits, axis=1, dtype=np.float64)
        return sums.argmax(axis=2)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the softmax over the last axis."""
    scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return scores / scores.sum(axis=-1, keepdims=True)


def _describe(array):
    return f"{list(array.shape)} {array.dtype}"
