"""combine: one prediction from several models (ensembles, two-stream fusion).

`in_order_of` brings predictions of the same clips into the same order.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from tsm_keras.data.labels import check_same_labels
from tsm_keras.evaluation.predictions import Predictions
from tsm_keras.evaluation.views import AVERAGES, log_probabilities


def combine(
    predictions: Sequence[Predictions],
    weights: Sequence[float] | None = None,
    *,
    average: str = "softmax",
) -> Predictions:
    """Averages the predictions of several models for the same clips.

    Args:
        predictions: The predictions of each model.
        weights: The weight of each model, at least 0; None for equal weights.
        average: `"softmax"` averages probabilities, whose scale is the same
            for models of different sizes and inputs; `"logits"` averages
            logits.

    Returns:
        Predictions with one row of logits per clip, with the clip names of the
        first model.

    Raises:
        ValueError: If the clips or the classes differ, if `average` is unknown
            or if `check_weights` refuses the weights.
    """
    weights = [1.0] * len(predictions) if weights is None else list(weights)
    check_weights(weights, len(predictions))
    if average not in AVERAGES:
        raise ValueError(
            f"`average` must be one of {AVERAGES}. "
            f"Received: average={average!r}"
        )
    first = predictions[0]
    for other in predictions[1:]:
        first.agreement(other)  # Raises if the clips differ.
    shares = np.array(weights) / sum(weights)
    scores = np.zeros_like(first.logits())
    for share, one in zip(shares, predictions, strict=True):
        is_softmax = average == "softmax"
        scores += share * (one.probabilities() if is_softmax else one.logits())
    if average == "softmax":
        scores = log_probabilities(scores)
    rows = np.asarray(scores, np.float32)[:, None]
    return dataclasses.replace(first, frame_logits=rows)


def check_weights(weights: Sequence[float], count: int) -> None:
    """Checks the weights of `count` models.

    Raises:
        ValueError: If there is not one weight per model, if a weight is
            negative or not finite, or if all weights are 0.
    """
    if (
        len(weights) != count
        or not weights
        or min(weights) < 0
        # This comparison is also false for NaN.
        or not 0 < sum(weights) < np.inf
    ):
        raise ValueError(
            f"`weights` must be {count} finite numbers of at least 0, one per "
            f"model, not all of them 0. Received: weights={list(weights)}"
        )


def in_order_of(predictions: Predictions, first: Predictions) -> Predictions:
    """Reorders classes and clips of `predictions` to match those of `first`.

    A video and the folder of its optical flow are the same clip if they have
    the same class and the same name without the suffix.

    Raises:
        ValueError: If the classes or the clips differ, or if a clip occurs
            twice.
    """
    names = first.label_names
    check_same_labels("The second model", predictions.label_names, names)
    numbers = [predictions.label_names.index(name) for name in names]
    predictions = dataclasses.replace(
        predictions,
        frame_logits=predictions.frame_logits[..., numbers],
        labels=np.argsort(numbers)[predictions.labels],
        label_names=names,
    )
    if predictions.clip_names == first.clip_names:
        return predictions
    places: dict[tuple[str, str], int] = {}
    for place, key in enumerate(_keys(predictions)):
        places[key] = place
    wanted = _keys(first)
    missing = [key for key in wanted if key not in places]
    if missing or len(places) != len(wanted) or len(set(wanted)) < len(wanted):
        raise ValueError(
            "Both collections must have the same clips, and each name may "
            "occur once per class: videos CLASS/NAME.mp4 and flow CLASS/NAME/. "
            f"Received: {len(wanted)} and {len(predictions.labels)} clips, "
            f"{len(missing)} of them missing in the second, {missing[:3]}"
        )
    order = np.array([places[key] for key in wanted])
    return dataclasses.replace(
        predictions,
        frame_logits=predictions.frame_logits[order],
        labels=predictions.labels[order],
        clip_names=first.clip_names,
    )


def _keys(predictions):
    return [
        (predictions.label_names[label], pathlib.PurePath(name).stem)
        for name, label in zip(
            predictions.clip_names, predictions.labels, strict=True
        )
    ]
