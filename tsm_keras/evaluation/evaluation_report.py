"""write_evaluation: predictions as JSON, CSV and one HTML page."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_keras.evaluation.csv_rows import (
    class_rows,
    clip_name,
    confusion_rows,
    prediction_rows,
)
from tsm_keras.evaluation.metrics import (
    Confusion,
    Metrics,
    all_right,
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
from tsm_keras.evaluation.report import (
    Section,
    write_csv,
    write_json,
    write_report,
)

_CONFUSED_PAIRS = 5
_CLIPS_A_PAIR = 2


def write_evaluation(
    folder: str | os.PathLike,
    heads: Mapping[str, Predictions],
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
    `report.html` shows all of it and loads no other file. With several heads,
    `classes_verb.csv`, `confusion_verb.csv` and so on are those of each head.

    Args:
        folder: The folder to write, which is created if needed; files of an
            earlier evaluation are replaced.
        heads: The predictions of the model by each of its heads, by the name
            of the head.
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
    metrics = {name: compute_metrics(one) for name, one in heads.items()}
    numbers, tables, pages = {}, {}, []
    for name, one in heads.items():
        confused = most_confused(one, _CONFUSED_PAIRS)
        numbers[name] = _numbers(one, metrics[name], confused, early)
        ending = f"_{name}" if name else ""
        tables[f"classes{ending}.csv"] = class_rows(metrics[name])
        tables[f"confusion{ending}.csv"] = confusion_rows(one)
        pages += [
            dataclasses.replace(
                page, title=f"{name}: {page.title}" if name else page.title
            )
            for page in _page(one, metrics[name], confused, early, frames_of)
        ]
    first = next(iter(metrics.values()))
    summary = f"{first.clips} clips of {len(first.classes)} classes."
    if len(heads) > 1:
        share = all_right(heads)
        summary = f"{first.clips} clips. All heads are right for {share:.2%}."
        described = {"clips": first.clips, "all_top1": share, "heads": numbers}
    else:
        (described,) = numbers.values()
    write_json(
        folder / "results.json",
        {"protocol": protocol, **described, **(results or {})},
    )
    tables["predictions.csv"] = prediction_rows(heads)
    for name, table in tables.items():
        write_csv(folder / name, table)
    return write_report(
        folder / "report.html",
        title=title,
        summary=summary,
        header=summary_header(metrics),
        rows=summary_rows(metrics),
        sections=[*pages, *sections],
        notes=[f"{key}: {value}" for key, value in protocol.items()],
    )


def summary_header(metrics: Mapping[str, Metrics]) -> tuple[str, ...]:
    """Returns the names of the columns of `summary_rows`."""
    return ("measure", *(name or "value" for name in metrics))


def summary_rows(
    metrics: Mapping[str, Metrics],
) -> list[tuple[str | None, ...]]:
    """Returns the rows of a table of the main figures.

    Args:
        metrics: The metrics of each head, by its name.
    """
    found = metrics.values()
    top5 = [None if x.top5 is None else f"{x.top5:.2%}" for x in found]
    return [
        ("top-1", *(f"{x.top1:.2%}" for x in found)),
        ("top-5", *top5),
        (
            "mean class accuracy",
            *(f"{x.mean_class_accuracy:.2%}" for x in found),
        ),
        (
            "calibration error (ECE)",
            *(f"{x.calibration_error:.2%}" for x in found),
        ),
    ]


def _numbers(predictions, metrics, confused, early):
    """Returns the figures of one head, as JSON values."""
    numbers = {
        **dataclasses.asdict(metrics),
        "reliability": {
            key: value.tolist()
            for key, value in vars(reliability(predictions)).items()
        },
        "most_confused": [
            {
                "label": predictions.label_names[pair.label],
                "predicted": predictions.label_names[pair.predicted],
                "clips": [clip_name(predictions, clip) for clip in pair.clips],
            }
            for pair in confused
        ],
    }
    if early:
        numbers["top1_by_frames"] = predictions.top1_by_frames().tolist()
    return numbers


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
                f"{probability:.0%}: {clip_name(predictions, clip)}"
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


def _percent(share):
    return None if math.isnan(share) else f"{share:.1%}"
