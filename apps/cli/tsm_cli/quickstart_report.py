"""write_quickstart_report: the table and the report of `tsm quickstart`."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence

import numpy as np

from tsm_keras.data.gestures.generate import ORDER_BLIND_CEILING
from tsm_keras.data.video.decoding import read_video
from tsm_keras.evaluation.plots import (
    accuracy_over_time,
    confusion_matrices,
    contact_sheet,
)
from tsm_keras.evaluation.predictions import Predictions
from tsm_keras.evaluation.report import format_table, write_report

_HEADER = ("model", "top-1", "ms per frame", "file, MB")


@dataclasses.dataclass(frozen=True)
class Result:
    """The results of one model on the held-out videos.

    Attributes:
        name: Name of the model in the table.
        predictions: The predictions of the model.
        latency: Median seconds per frame; None if it was not streamed.
        path: The file of the model.
    """

    name: str
    predictions: Predictions
    latency: float | None
    path: pathlib.Path


def write_quickstart_report(
    path: pathlib.Path,
    results: Sequence[Result],
    *,
    annotated: pathlib.Path,
    seed: int,
    num_training: int,
    seconds: float,
) -> pathlib.Path:
    """Prints the table and writes it, with pictures, as one HTML file.

    The accuracies are also written to `results.json` beside it.

    Args:
        path: The HTML file to write.
        results: The results of each model, one row each.
        annotated: The annotated video.
        seed: The seed of the run.
        num_training: The number of training videos.
        seconds: The duration of the run.

    Returns:
        The path of the report.
    """
    rows = [_row(result) for result in results]
    predictions = {result.name: result.predictions for result in results}
    num_test = len(results[0].predictions.labels)
    print(f"\n{format_table(_HEADER, rows)}\n")
    print(
        f"A model that ignores the order of frames reaches at most "
        f"{ORDER_BLIND_CEILING:.1%}; {num_test} held-out videos; "
        f"{seconds / 60:.1f} minutes."
    )
    numbers = {result.name: result.predictions.top1() for result in results}
    (path.parent / "results.json").write_text(
        json.dumps({"seed": seed, "seconds": seconds, "top1": numbers}),
        "utf-8",
    )
    causal = {
        name: prediction
        for name, prediction in predictions.items()
        if name != "TSM"  # It needs later frames.
    }
    return write_report(
        path,
        title="tsm quickstart",
        summary=(
            f"The models were trained on {num_training} generated gesture "
            f"videos and tested on {num_test} others. TSM started from the "
            "weights of TSN, and causal TSM from those of TSM. All gestures "
            "except two are another one played backwards, so a model that "
            "ignores the "
            f"order of frames reaches at most {ORDER_BLIND_CEILING:.1%}. The "
            "TFLite models ran frame by frame, with explicit caches, on one "
            "thread."
        ),
        header=_HEADER,
        rows=rows,
        pictures=[
            (
                "Confusion matrices: each row is a true class.",
                confusion_matrices(predictions),
            ),
            (
                "Top-1 against the share of the video's frames seen.",
                accuracy_over_time(
                    causal,
                    horizontal={
                        "TSM, whole clip": predictions["TSM"].top1(),
                        "limit without frame order": ORDER_BLIND_CEILING,
                    },
                ),
            ),
            (
                "Frames of the video that the int8 model annotated.",
                contact_sheet(_sheet_frames(annotated), columns=4),
            ),
        ],
        notes=[
            f"Seed {seed}; {seconds / 60:.1f} minutes on this machine.",
            "Latency is the median of the network alone, over all held-out "
            "frames.",
            f"The annotated video is {annotated.name}, beside this file.",
        ],
    )


def _row(result):
    latency = "" if result.latency is None else f"{result.latency * 1e3:.2f}"
    return (
        result.name,
        f"{result.predictions.top1():.1%}",
        latency,
        f"{result.path.stat().st_size / 1e6:.2f}",
    )


def _sheet_frames(video):
    frames = read_video(video)
    return frames[np.linspace(0, len(frames) - 1, 8).round().astype(int)]
