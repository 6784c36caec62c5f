"""The table and the pictures of `tsm quickstart`."""

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

_HEADER = ("model", "top-1", "ms a frame", "file, MB")


@dataclasses.dataclass(frozen=True)
class Result:
    """What one model did on the held-out videos.

    Attributes:
        name: In the table.
        predictions: What it said.
        latency: Median seconds a frame, None where frames do not stream.
        path: Its file.
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

    The same as numbers goes into `results.json` beside it.

    Args:
        path: The HTML file.
        results: A row each.
        annotated: The annotated video.
        seed: Of the run.
        num_training: Videos trained on.
        seconds: That it all took.

    Returns:
        `path`.
    """
    rows = [_row(result) for result in results]
    predictions = {result.name: result.predictions for result in results}
    num_test = len(results[0].predictions.labels)
    print(f"\n{format_table(_HEADER, rows)}\n")
    print(
        f"A model blind to the order of frames reaches "
        f"{ORDER_BLIND_CEILING:.1%} at best; {num_test} held-out videos; "
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
        if name != "TSM"  # It needs the frames to come.
    }
    return write_report(
        path,
        title="tsm quickstart",
        summary=(
            f"{num_training} generated gesture videos to train on, {num_test} "
            "held out. Every gesture but two is another one played backwards, "
            "so a model that is blind to the order of frames reaches "
            f"{ORDER_BLIND_CEILING:.1%} at best. The TFLite rows ran frame by "
            "frame, with explicit caches, one thread."
        ),
        header=_HEADER,
        rows=rows,
        pictures=[
            (
                "Who is taken for whom: rows are the truth.",
                confusion_matrices(predictions),
            ),
            (
                "Top-1 against the fraction of the video seen.",
                accuracy_over_time(
                    causal,
                    horizontal={
                        "TSM, whole clip": predictions["TSM"].top1(),
                        "order-blind ceiling": ORDER_BLIND_CEILING,
                    },
                ),
            ),
            (
                "Frames of the annotated video, int8, live.",
                contact_sheet(_sheet_frames(annotated), columns=4),
            ),
        ],
        notes=[
            f"Seed {seed}; {seconds / 60:.1f} minutes on this machine.",
            "Latency is the median of the network alone, over all held-out "
            "frames.",
            f"The annotated video: {annotated.name}, beside this file.",
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
