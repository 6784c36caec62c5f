"""The losses of a detector: of scores, classes, sizes and offsets of boxes."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.config import VideoDetectorConfig
from tsm_keras.models.config.detector import OUTPUTS
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.objectives.box_targets import BoxTargets, box_targets
from tsm_keras.training.objectives.objective import Monitor

_ALPHA, _BETA = 2.0, 4.0  # CenterNet, equation 1.
# The weights of the losses of the outputs (CenterNet, equation 4).
WEIGHTS = {"heatmap": 1.0, "box_size": 0.1, "box_offset": 1.0}


class DetectionObjective:
    """The objective of a detector; see `Objective`.

    The labels are the boxes of `make_detection_dataset`. They are drawn as maps
    in the input pipeline, and the maps are joined along their channels. The
    loss is the sum of `losses`, multiplied by `WEIGHTS` and that of the classes
    by `TrainingConfig.class_loss_weight`.

    Args:
        config: The config of the network.
    """

    def __init__(self, config: VideoDetectorConfig):
        self._config = config
        kinds = len(config.detection.labels)
        self._of_outputs = [kinds, 2, 2]
        self._of_targets = [kinds, kinds, 2, 2, 1]

    def check(self, config: TrainingConfig) -> None:
        """See `Objective`."""
        for field, only in (
            ("label_smoothing", 0.0),
            ("class_weights", "none"),
            ("best_by", "loss"),
        ):
            if getattr(config, field) != only:
                raise ValueError(
                    f"`{field}` must be {only!r} for a detector. "
                    f"Received: {field}={getattr(config, field)!r}"
                )

    def joined(self, data: Any) -> Any:
        """See `Objective`."""
        if not isinstance(data, tf.data.Dataset) or not isinstance(
            data.element_spec[1], dict
        ):
            return data

        def join(clips, truth, *weights):
            maps = box_targets(truth, self._config)
            return clips, tf.concat(maps, axis=-1), *weights

        return data.map(join, tf.data.AUTOTUNE)

    def loss(
        self,
        config: TrainingConfig,
        clips_per_label: Sequence[Sequence[int]] | None = None,
    ) -> Callable[[Any, Any], Any]:
        """See `Objective`."""
        self.check(config)

        weights = {**WEIGHTS, "class": config.class_loss_weight}

        def total(joined, outputs):
            found = self._losses(joined, outputs)
            return sum(weights[name] * found[name] for name in weights)

        return total

    def metrics(self, config: TrainingConfig) -> list[keras.metrics.Metric]:
        """See `Objective`; these are the losses without their weights."""

        def metric(name):
            return keras.metrics.MeanMetricWrapper(
                lambda joined, outputs: self._losses(joined, outputs)[name],
                name=f"{name}_loss",
            )

        return [*map(metric, (*WEIGHTS, "class"))]

    def monitor(self, best_by: str) -> Monitor:
        """See `Objective`; it is always the loss."""
        return Monitor(f"val_{best_by}", -1)

    def _losses(self, joined, outputs):
        targets = BoxTargets(*tf.split(joined, self._of_targets, axis=-1))
        parts = tf.split(outputs, self._of_outputs, axis=-1)
        return losses(targets, dict(zip(OUTPUTS, parts, strict=True)))


def losses(targets: BoxTargets, outputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the losses of each clip: those of `WEIGHTS`, and `"class"`.

    They are divided by the number of boxes per clip in the batch, or by 1 if
    there are fewer boxes than clips, so that their means over the clips are
    losses per box.

    Args:
        targets: The maps from `box_targets`, `[B, T, grid, grid, ...]`.
        outputs: The outputs of the network, in the same shapes.

    Returns:
        `[B]` losses, not weighted.
    """
    clips = tf.cast(tf.shape(targets.centre)[0], tf.float32)
    # Boxes of different classes may share the centre of a cell.
    hits = tf.cast(targets.heatmap == 1.0, tf.float32)
    boxes, centres = (
        tf.maximum(tf.reduce_sum(x) / clips, 1.0)
        for x in (hits, targets.centre)
    )
    return {
        "heatmap": _per_clip(
            focal_loss(targets.heatmap, outputs["heatmap"]) * targets.counted
        )
        / boxes,
        **{
            name: _per_clip(
                tf.abs(outputs[name] - getattr(targets, name)) * targets.centre
            )
            / centres
            for name in ("box_size", "box_offset")
        },
        "class": _per_clip(class_loss(hits, outputs["heatmap"])) / boxes,
    }


def focal_loss(target: Any, logits: Any) -> Any:
    """Returns the focal loss of each value of a heatmap.

    Args:
        target: The heatmap of `BoxTargets`.
        logits: The heatmap of the network, before the sigmoid.

    Returns:
        `-(1 - p)^2 log(p)` at a centre, and `-(1 - target)^4 p^2 log(1 - p)`
        elsewhere, where p is the score, the sigmoid of the logit.
    """
    score = tf.sigmoid(logits)
    # log(p) is -softplus(-logit), and log(1 - p) is -softplus(logit).
    at_centre = (1.0 - score) ** _ALPHA * tf.nn.softplus(-logits)
    elsewhere = (1.0 - target) ** _BETA * score**_ALPHA * tf.nn.softplus(logits)
    return tf.where(target == 1.0, at_centre, elsewhere)


def class_loss(hits: Any, logits: Any) -> Any:
    """Returns the loss that tells each class from its rival.

    The rival of a class is the one with the highest mean logit at the centres
    of the class in the batch. So two classes that look alike in single frames,
    such as a disc that moves left and one that moves right, are rivals.

    Args:
        hits: 1 where a value of the heatmap is the centre of a box of its
            class, else 0.
        logits: The heatmap of the network, before the sigmoid.

    Returns:
        `-log(sigmoid(logit - logit of the rival))` where `hits` is 1, else 0.
    """
    kinds = logits.shape[-1]
    if kinds == 1:
        return tf.zeros_like(logits)
    at, found = (tf.reshape(x, [-1, kinds]) for x in (hits, logits))
    means = tf.matmul(at, found, transpose_a=True)
    means /= tf.maximum(tf.reduce_sum(at, axis=0), 1.0)[:, None]
    means = tf.linalg.set_diag(means, tf.fill([kinds], means.dtype.min))
    rivals = tf.gather(logits, tf.argmax(means, axis=-1), axis=-1)
    return hits * tf.nn.softplus(rivals - logits)


def _per_clip(values):
    return tf.reduce_sum(values, axis=[1, 2, 3, 4])
