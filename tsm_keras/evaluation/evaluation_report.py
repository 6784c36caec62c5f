"""write_evaluation: predictions as JSON, CSV and one HTML page."""

import csv
import dataclasses
import io
import json
import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.evaluation.metrics import (
    Confusion,
    Metrics,
    compute_metrics,
    most_confused,
    reliability,
)
from tsm_keras.evaluation.plots import (
    accuracy_over_time,
    confusion_matrices,
    contact_sheet,
    line_chart,
)
from tsm_keras.evaluation.predictions import Predictions
from tsm_keras.evaluation.report import Section, write_report

_CONFUSED_PAIRS = 5
_CLIPS_A_PAIR = 2


def write_evaluation(
    folder: str | os.PathLike,
    predictions: Predictions,
    *,
    title: str,
    protocol: Mapping[str, Any],
    early: bool,
    frames_of: Callable[[int], np.ndarray] | None = None,
    sections: Sequence[Section] = (),
    results: Mapping[str, Any] | None = None,
) -> pathlib.Path:
    """Writes the results of an evaluation into a folder.

    `results.json` has all figures that are not about single clips;
    `predictions.csv` has one row per clip and `classes.csv` one row per class;
    `confusion.csv` is the confusion matrix, whose rows are the true classes;
    `report.html` shows all of it and loads no other file.

    Args:
        folder: The folder to write, which is created if needed; files of an
            earlier evaluation are replaced.
        predictions: The predictions of the model.
        title: Title of the page.
        protocol: What was evaluated and how, as JSON values.
        early: Whether to report the accuracy after the first 1, 2, ... frames
            of a clip. This needs logits per frame of a causal model.
        frames_of: Returns the frames to show for the number of a clip,
            `[T, H, W, 3]` uint8; None shows no frames.
        sections: Further sections of the page.
        results: Further entries of `results.json`.

    Returns:
        The path of `report.html`.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    metrics = compute_metrics(predictions)
    confused = most_confused(predictions, _CONFUSED_PAIRS)
    numbers = {
        "protocol": protocol,
        **dataclasses.asdict(metrics),
        "reliability": {
            key: value.tolist()
            for key, value in vars(reliability(predictions)).items()
        },
        "most_confused": [
            {
                "label": predictions.label_names[pair.label],
                "predicted": predictions.label_names[pair.predicted],
                "clips": [_name(predictions, clip) for clip in pair.clips],
            }
            for pair in confused
        ],
        **(results or {}),
    }
    if early:
        numbers["top1_by_frames"] = predictions.top1_by_frames().tolist()
    _write(folder / "results.json", _json(numbers))
    for name, table in (
        ("predictions.csv", _prediction_rows(predictions)),
        ("classes.csv", _class_rows(metrics)),
        ("confusion.csv", _confusion_rows(predictions)),
    ):
        _write(folder / name, _csv(table))
    return write_report(
        folder / "report.html",
        title=title,
        summary=f"{metrics.clips} clips of {len(metrics.classes)} classes.",
        header=("measure", "value"),
        rows=summary_rows(metrics),
        sections=[
            *_page(predictions, metrics, confused, early, frames_of),
            *sections,
        ],
        notes=[f"{key}: {value}" for key, value in protocol.items()],
    )


def summary_rows(metrics: Metrics) -> list[tuple[str, str | None]]:
    """Returns the rows of a table of the main figures."""
    top5 = None if metrics.top5 is None else f"{metrics.top5:.2%}"
    return [
        ("top-1", f"{metrics.top1:.2%}"),
        ("top-5", top5),
        ("mean class accuracy", f"{metrics.mean_class_accuracy:.2%}"),
        ("calibration error (ECE)", f"{metrics.calibration_error:.2%}"),
    ]


def _page(predictions, metrics, confused, early, frames_of):
    found = reliability(predictions)
    filled = found.clips > 0
    chart = line_chart(
        {
            "this model": (found.confidence[filled], found.accuracy[filled]),
            "perfect": (np.array([0, 1]), np.array([0, 1])),
        },
        xlabel="mean probability of the predicted class",
        ylabel="share that is right",
        percent_x=True,
    )
    sections = [
        Section(
            "Classes",
            header=("class", "clips", "predicted", "recall", "precision", "F1"),
            rows=[
                (
                    *(row.label, row.clips, row.predicted),
                    *map(_percent, (row.recall, row.precision, row.f1)),
                )
                for row in metrics.classes
            ],
            pictures=[
                (
                    "Confusion matrix: each row is a true class.",
                    confusion_matrices({"this model": predictions}),
                )
            ],
        ),
        _confused_section(predictions, confused, frames_of),
        Section(
            "Calibration",
            "Clips are grouped by the probability of the predicted class. A "
            "point below the diagonal means that the model is more confident "
            "than it is accurate. The expected calibration error (ECE) is the "
            "distance from the diagonal, averaged over clips.",
            pictures=[("Confidence and accuracy, in 15 bins.", chart)],
        ),
    ]
    if early:
        sections.append(
            Section(
                "Early recognition",
                pictures=[
                    (
                        "Top-1 of the mean logits of the first frames.",
                        accuracy_over_time({"this model": predictions}),
                    )
                ],
            )
        )
    return sections


def _confused_section(predictions, confused: list[Confusion], frames_of):
    names, pictures = predictions.label_names, []
    for pair in confused if frames_of else ():
        for clip in pair.clips[:_CLIPS_A_PAIR]:
            probability = predictions.probabilities()[clip, pair.predicted]
            caption = (
                f"{names[pair.label]}, taken for {names[pair.predicted]} with "
                f"{probability:.0%}: {_name(predictions, clip)}"
            )
            pictures.append((caption, contact_sheet(frames_of(clip))))
    rows = [
        (names[pair.label], names[pair.predicted], len(pair.clips))
        for pair in confused
    ]
    return Section(
        "Most confused",
        "" if rows else "Every clip is predicted as its own class.",
        header=("class", "taken for", "clips") if rows else (),
        rows=rows,
        pictures=pictures,
    )


def _prediction_rows(predictions):
    probabilities = predictions.probabilities()
    order = np.argsort(-probabilities, axis=1, kind="stable")
    yield ("clip", "label", "predicted", "probability", "rank")
    for clip, (label, predicted) in enumerate(
        zip(predictions.labels, predictions.classes(), strict=True)
    ):
        yield (
            _name(predictions, clip),
            predictions.label_names[label],
            predictions.label_names[predicted],
            f"{probabilities[clip, predicted]:.6f}",
            int(np.flatnonzero(order[clip] == label)[0]) + 1,
        )


def _class_rows(metrics):
    fields = [
        field.name for field in dataclasses.fields(type(metrics.classes[0]))
    ]
    yield fields
    for row in metrics.classes:
        yield [getattr(row, field) for field in fields]


def _confusion_rows(predictions):
    yield ("", *predictions.label_names)
    for name, counts in zip(
        predictions.label_names, predictions.confusion().tolist(), strict=True
    ):
        yield (name, *counts)


def _name(predictions, clip):
    return predictions.clip_names[clip] if predictions.clip_names else str(clip)


def _percent(share):
    return None if math.isnan(share) else f"{share:.1%}"


def _csv(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _json(numbers):
    return json.dumps(_plain(numbers), indent=1, ensure_ascii=False) + "\n"


def _plain(value):
    """Replaces NaN by None, because JSON has no NaN."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _write(path, text):
    with atomic_file(path) as temporary:
        temporary.write_text(text, "utf-8", "backslashreplace")
