"""The loss and the metrics of classification, of one head or of several."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.config import HeadConfig
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.objectives.objective import Monitor

_ALL = "all_top1"  # The share of clips for which all heads are right.


class ClassificationObjective:
    """The objective of a classifier; see `Objective`.

    Args:
        heads: The heads of the network.
    """

    def __init__(self, heads: Sequence[HeadConfig]):
        self.heads = heads
        self._sizes = [head.num_classes for head in heads]

    def check(self, config: TrainingConfig) -> None:
        """See `Objective`."""
        if config.class_loss_weight != TrainingConfig.class_loss_weight:
            raise ValueError(
                "`class_loss_weight` must be "
                f"{TrainingConfig.class_loss_weight} for a classifier, which "
                "has no such loss. "
                f"Received: class_loss_weight={config.class_loss_weight!r}"
            )

    def joined(self, data: Any) -> Any:
        """See `Objective`."""
        return with_joined_labels(data, self.heads)

    def loss(
        self,
        config: TrainingConfig,
        clips_per_label: Sequence[Sequence[int]] | None = None,
    ) -> Callable[[Any, Any], Any]:
        """See `Objective`; it is the sum of the losses of all heads."""
        self.check(config)
        weights = _class_weights(config, clips_per_label, self._sizes)
        return cross_entropy(config.label_smoothing, self._sizes, weights)

    def metrics(self, config: TrainingConfig) -> list[keras.metrics.Metric]:
        """See `Objective`."""
        metrics = accuracies(metric_names(self.heads), self._sizes)
        if config.best_by == "mean_class_accuracy":
            metrics.append(MeanClassAccuracy(self._sizes))
        return metrics

    def monitor(self, best_by: str) -> Monitor:
        """See `Objective`."""
        return monitored(self.heads, best_by)


def monitored(heads: Sequence[HeadConfig], best_by: str = "top1") -> Monitor:
    """Returns the metric that tells the best epoch.

    Args:
        heads: The heads of the network.
        best_by: As in `TrainingConfig`.
    """
    if best_by == "top1":
        return Monitor(f"val_{metric_names(heads)[-1]}")
    return Monitor(f"val_{best_by}", -1 if best_by == "loss" else 1)


def metric_names(heads: Sequence[HeadConfig]) -> list[str]:
    """Returns the names of the accuracies; that of all heads comes last."""
    if len(heads) == 1:
        return ["top1"]
    return [*(f"{head.name}_top1" for head in heads), _ALL]


def with_joined_labels(data: Any, heads: Sequence[HeadConfig]) -> Any:
    """Returns batches whose labels fit `with_one_output`.

    Args:
        data: Batches from `make_dataset`. Others, and those whose labels are
            joined already, are returned unchanged.
        heads: The heads of the network.

    Raises:
        ValueError: If the labels are not those of the heads.
    """
    if len(heads) == 1 or not isinstance(data, tf.data.Dataset):
        return data
    labels = data.element_spec[1]
    if not isinstance(labels, dict):
        return data
    names = [head.name for head in heads]
    if {*labels} != {*names}:
        raise ValueError(
            f"The labels must be those of the heads {names}. "
            f"Received: labels of {[*labels]}"
        )

    def join(clips, labels, *weights):
        parts = [labels[name] for name in names]
        mixed = parts[0].shape.rank == 2
        joined = tf.concat(parts, 1) if mixed else tf.stack(parts, 1)
        return clips, joined, *weights

    return data.map(join)


def cross_entropy(
    label_smoothing: float,
    num_classes: Sequence[int],
    class_weights: Sequence[np.ndarray] | None = None,
) -> Callable[[Any, Any], Any]:
    """Returns the loss: the sum of the cross-entropies of all heads.

    Args:
        label_smoothing: As in `TrainingConfig`, for each head.
        num_classes: The number of classes of each head.
        class_weights: For each head, `[K]` factors of the cross-entropy of
            clips of each class; None for 1. A mixed clip has the weighted mean
            of the factors of its classes.
    """
    unweighted: list[np.ndarray | None] = [None] * len(num_classes)
    weights = class_weights or unweighted

    def loss(labels, logits):
        total = 0.0
        parts = _by_head(labels, logits, num_classes)
        for (label, part), weight in zip(parts, weights, strict=True):
            shares = _as_shares(label, part.shape[-1])
            entropy = keras.losses.categorical_crossentropy(
                shares,
                part,
                from_logits=True,
                label_smoothing=label_smoothing,
            )
            if weight is not None:
                factors = tf.constant(weight, shares.dtype)
                of_clips = tf.linalg.matvec(shares, factors)
                entropy *= tf.cast(of_clips, entropy.dtype)
            total += entropy
        return total

    return loss


def _class_weights(config, clips_per_label, sizes):
    if config.class_weights == "none":
        return None
    found = [len(counts) for counts in clips_per_label or ()]
    if found != sizes:
        raise ValueError(
            "`clips_per_label` must have the number of training clips of each "
            f"class, {sizes} numbers, for class_weights='balanced'. "
            f"Received: clips_per_label={clips_per_label!r}"
        )
    return [balanced_weights(counts) for counts in clips_per_label]


def balanced_weights(clips_per_label: Sequence[int]) -> np.ndarray:
    """Returns a factor for each class, in inverse proportion to its clips.

    The mean factor of all clips is 1; classes without clips have 0.

    Args:
        clips_per_label: The number of training clips of each class.
    """
    counts = np.asarray(clips_per_label, np.float64)
    there = counts > 0
    factors = counts.sum() / (there.sum() * np.where(there, counts, 1.0))
    return np.where(there, factors, 0.0).astype(np.float32)


def accuracies(
    names: Sequence[str], num_classes: Sequence[int]
) -> list[keras.metrics.Metric]:
    """Returns the metrics of training: the top-1 of each head and of all.

    Args:
        names: From `metric_names`.
        num_classes: The number of classes of each head.
    """

    def hits(place):
        def of_one(labels, logits):
            parts = _by_head(labels, logits, num_classes)
            return _hits(*parts[place])

        def of_all(labels, logits):
            parts = _by_head(labels, logits, num_classes)
            return tf.reduce_min([_hits(*part) for part in parts], axis=0)

        return of_one if place < len(num_classes) else of_all

    return [
        keras.metrics.MeanMetricWrapper(hits(place), name=name)
        for place, name in enumerate(names)
    ]


class MeanClassAccuracy(keras.metrics.Metric):
    """The mean recall of the classes that have clips, then over all heads.

    It is that of `tsm_keras.evaluation.metrics`, one clip per video.

    Args:
        num_classes: The number of classes of each head.
    """

    def __init__(self, num_classes: Sequence[int]):
        super().__init__(name="mean_class_accuracy")
        self._sizes = list(num_classes)
        self._hits, self._clips = (
            self.add_weight(
                name=name, shape=(sum(self._sizes),), initializer="zeros"
            )
            for name in ("hits", "clips")
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits, clips = [], []
        parts = _by_head(y_true, y_pred, self._sizes)
        for (labels, logits), size in zip(parts, self._sizes, strict=True):
            shares = _as_shares(labels, size)
            main = tf.one_hot(tf.argmax(shares, axis=-1), size)
            if sample_weight is not None:
                weight = tf.reshape(sample_weight, [-1, 1])
                main *= tf.cast(weight, main.dtype)
            right = _hits(labels, logits)[:, None]
            hits.append(tf.reduce_sum(main * right, axis=0))
            clips.append(tf.reduce_sum(main, axis=0))
        self._hits.assign_add(tf.concat(hits, 0))
        self._clips.assign_add(tf.concat(clips, 0))

    def reset_state(self):
        # tf_keras would assign the scalar 0.
        for variable in (self._hits, self._clips):
            variable.assign(tf.zeros(variable.shape))

    def result(self):
        hits, clips = (
            tf.split(tf.convert_to_tensor(x), self._sizes)
            for x in (self._hits, self._clips)
        )
        means = []
        for right, count in zip(hits, clips, strict=True):
            there = tf.reduce_sum(tf.cast(count > 0, right.dtype))
            recalls = tf.math.divide_no_nan(right, count)
            means.append(tf.math.divide_no_nan(tf.reduce_sum(recalls), there))
        return tf.add_n(means) / len(means)


def _by_head(labels, logits, num_classes):
    """Returns the labels and the logits of each head."""
    if len(num_classes) == 1:
        return [(labels, logits)]
    if labels.shape[-1] == len(num_classes):
        parts = tf.unstack(labels, axis=-1)
    else:  # The labels of mixed clips.
        parts = tf.split(labels, num_classes, axis=-1)
    return [*zip(parts, tf.split(logits, num_classes, axis=-1), strict=True)]


def _as_shares(labels, num_classes):
    """Returns the share of each class, `[B, K]`."""
    if _mixed(labels):
        return labels
    numbers = tf.cast(tf.reshape(labels, [-1]), tf.int32)
    return tf.one_hot(numbers, num_classes)


def _hits(labels, logits):
    """Returns 1 for each clip whose highest logit is its main class."""
    if _mixed(labels):
        labels = tf.argmax(labels, axis=-1)
    labels = tf.cast(tf.reshape(labels, [-1]), tf.int64)
    return tf.cast(labels == tf.argmax(logits, axis=-1), tf.float32)


def _mixed(labels):
    """Tells the labels `[B, K]` of mixed clips from class numbers."""
    return labels.shape.rank == 2 and labels.shape[-1] != 1
