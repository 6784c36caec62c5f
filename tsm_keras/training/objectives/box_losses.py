"""The losses of a detector: focal on heatmaps, L1 on sizes and offsets."""

from typing import Any

import tensorflow as tf

from tsm_keras.training.objectives.box_targets import BoxTargets

_ALPHA, _BETA = 2.0, 4.0  # CenterNet, equation 1.
# The weight of each loss, by the output of the network (CenterNet, equation 4).
WEIGHTS = {"heatmap": 1.0, "box_size": 0.1, "box_offset": 1.0}


def losses(targets: BoxTargets, outputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the losses of each clip of a batch, by the network's output.

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


def _per_clip(values):
    return tf.reduce_sum(values, axis=[1, 2, 3, 4])
