"""Rows of the CSV files of an evaluation."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_keras.evaluation.metrics import Metrics
from tsm_keras.evaluation.predictions import Predictions

_COLUMNS = ("label", "predicted", "probability", "rank")


def prediction_rows(
    predictions: Mapping[str, Predictions],
) -> Iterator[Sequence[Any]]:
    """Yields the header, and the predictions for each clip.

    With several heads, the columns of a head begin with its name, and the last
    column says whether all heads are right, 1 or 0.

    Args:
        predictions: The predictions of each head, by its name.
    """
    first, *others = predictions.values()
    titles = [
        f"{name}_{column}" if name else column
        for name in predictions
        for column in _COLUMNS
    ]
    last = ["all_right"] if others else []
    yield "clip", *titles, *last
    tables = [_rows(one) for one in predictions.values()]
    for clip, rows in enumerate(zip(*tables, strict=True)):
        right = [int(all(row[0] == row[1] for row in rows))] if others else []
        yield clip_name(first, clip), *(x for row in rows for x in row), *right


def class_rows(metrics: Metrics) -> Iterator[Sequence[Any]]:
    """Yields the header, and the metrics of each class."""
    fields = [
        field.name for field in dataclasses.fields(type(metrics.classes[0]))
    ]
    yield fields
    for row in metrics.classes:
        yield [getattr(row, field) for field in fields]


def confusion_rows(predictions: Predictions) -> Iterator[Sequence[Any]]:
    """Yields the header, and the confusion matrix with the names of rows."""
    yield "", *predictions.label_names
    for name, counts in zip(
        predictions.label_names, predictions.confusion().tolist(), strict=True
    ):
        yield name, *counts


def clip_name(predictions: Predictions, clip: int) -> str:
    """Returns the file of a clip, or its number if that is unknown."""
    return predictions.clip_names[clip] if predictions.clip_names else str(clip)


def _rows(predictions):
    """Yields the values of `_COLUMNS` for each clip."""
    probabilities = predictions.probabilities()
    order = np.argsort(-probabilities, axis=1, kind="stable")
    for clip, (label, predicted) in enumerate(
        zip(predictions.labels, predictions.classes(), strict=True)
    ):
        yield (
            predictions.label_names[label],
            predictions.label_names[predicted],
            f"{probabilities[clip, predicted]:.6f}",
            int(np.flatnonzero(order[clip] == label)[0]) + 1,
        )
