"""write_detection_report: the figures of a detector as JSON, CSV and a page."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_keras.evaluation.detection.frames import EvaluatedFrame
from tsm_keras.evaluation.detection.measures import Measures
from tsm_keras.evaluation.detection.pictures import draw_boxes, worst_misses
from tsm_keras.evaluation.plots import contact_sheet, line_chart
from tsm_keras.evaluation.report import (
    Section,
    write_csv,
    write_json,
    write_report,
)

_LINES = 6  # Per chart; the colours of more would repeat.
_CHARTS = 3
_VIDEOS, _FRAMES_PER_VIDEO = 3, 6
_MISSES = 6
_POINTS = slice(None, None, 5)  # Every fifth of 101 recalls is drawn.

_MEASURES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap50_slow": "AP50, slow",
    "ap50_medium": "AP50, medium",
    "ap50_fast": "AP50, fast",
}
_DELAY = "average delay in frames"


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluated:
    """What was measured of a detector.

    Attributes:
        frames: The annotated frames, with the answers of the detector.
        measures: The figures.
    """

    frames: Sequence[EvaluatedFrame]
    measures: Measures


def summary_table(
    results: Mapping[str, Measures],
) -> tuple[tuple[str, ...], list[tuple[str | None, ...]]]:
    """Returns the header and the rows of the main figures.

    Args:
        results: The figures of each way of running a detector, by its name. If
            there are two, the last column has the first minus the second.
    """
    summaries = [measures.summary() for measures in results.values()]
    header = ("measure", *results)
    if len(summaries) == 2:
        header = (*header, "difference")
    rows = []
    for key, text in (*_MEASURES.items(), ("average_delay", _DELAY)):
        values = [summary[key] for summary in summaries]
        if len(values) == 2:
            values.append(values[0] - values[1])
        show = _frames if key == "average_delay" else _percent
        rows.append((text, *map(show, values)))
    return header, rows


def write_detection_report(
    folder: str | os.PathLike,
    results: Mapping[str, Evaluated],
    *,
    title: str,
    protocol: Mapping[str, Any],
    threshold: float,
    pictures_of: Callable[[int, Sequence[int]], list[np.ndarray]],
    notes: Sequence[str] = (),
) -> pathlib.Path:
    """Writes the results of a detector into a folder.

    `metrics.json` has all figures, `classes.csv` those of each class, and
    `report.html` shows them with pictures and loads no other file.

    Args:
        folder: The folder to write, which is created if needed.
        results: What was measured, by the way in which the detector ran, such
            as `"stream"`. Pictures, classes and curves are those of the first.
        title: Title of the page.
        protocol: What was evaluated and how, as JSON values.
        threshold: The lowest score of a detection that is drawn.
        pictures_of: Returns frames of a video, `[H, W, 3]` uint8 RGB, from the
            number of the video and rising numbers of frames.
        notes: Sentences about how frames were taken, which the page shows.

    Returns:
        The path of `report.html`.
    """
    folder = pathlib.Path(folder)
    measures = {name: one.measures for name, one in results.items()}
    first = next(iter(results.values()))
    labels = first.measures.precision.labels
    write_json(
        folder / "metrics.json",
        {
            "protocol": protocol,
            "results": {name: one.to_json() for name, one in measures.items()},
        },
    )
    classes = first.measures.classes()
    write_csv(
        folder / "classes.csv",
        [[*classes[0]], *([*row.values()] for row in classes)],
    )
    header, rows = summary_table(measures)
    boxes = int(first.measures.precision.objects.sum())
    summary = [
        f"{len(first.frames)} annotated frames of "
        f"{len({frame.video for frame in first.frames})} videos, with {boxes} "
        f"boxes of {first.measures.delay.objects} tracks and {len(labels)} "
        "classes.",
        *notes,
    ]
    return write_report(
        folder / "report.html",
        title=title,
        summary="\n\n".join(summary),
        header=header,
        rows=rows,
        sections=[
            _classes(first.measures),
            _delay(first.measures),
            _over_frames(first.frames, labels, threshold, pictures_of),
            _missed(first.frames, labels, threshold, pictures_of),
        ],
        notes=[f"{key}: {value}" for key, value in protocol.items()],
    )


def _classes(measures):
    rows = [
        (
            row["label"],
            row["objects"],
            *(_percent(row[key]) for key in _MEASURES),
        )
        for row in measures.classes()
    ]
    return Section(
        "Classes",
        "AP is the mean of the average precision at overlaps (IoU) of 50% to "
        "95%. By motion, an object is slow if its box overlaps with its boxes "
        "up to ten frames before and after by more than 90% on average, and "
        "fast if by less than 70%.",
        header=("class", "boxes", *_MEASURES.values()),
        rows=rows,
        pictures=_curves(measures.precision),
    )


def _curves(precision):
    """Returns charts of precision and recall, the lowest AP50 first."""
    with_objects = np.flatnonzero(precision.objects)
    order = with_objects[
        np.argsort(precision.by_class[0, with_objects], kind="stable")
    ]
    recall = np.linspace(0, 1, precision.precision.shape[1])[_POINTS]
    charts = []
    for start in range(0, min(len(order), _LINES * _CHARTS), _LINES):
        lines = {
            precision.labels[number]: (
                recall,
                precision.precision[0, _POINTS, number],
            )
            for number in order[start : start + _LINES]
        }
        chart = line_chart(
            lines, xlabel="recall", ylabel="precision", percent_x=True
        )
        charts.append(("Precision and recall at an overlap of 50%.", chart))
    return charts


def _delay(measures):
    return Section(
        "Delay",
        "How many frames pass until a new object is first found, at most 30, "
        "if false alarms are kept to a given number per box. The average delay "
        "is the harmonic mean of the column, after one is added to each."
        if measures.delay.by_ratio
        else "No object has a track, so there is no delay.",
        header=("false alarms per box", "threshold", "delay", "ever found")
        if measures.delay.by_ratio
        else (),
        rows=[
            (ratio, f"{threshold:.3f}", f"{delay:.2f}", _percent(found))
            for ratio, threshold, delay, found in measures.delay.by_ratio
        ],
    )


def _over_frames(frames, labels, threshold, pictures_of):
    by_video: dict[int, list[EvaluatedFrame]] = {}
    for frame in frames:
        by_video.setdefault(frame.video, []).append(frame)
    pictures = []
    for video, found in [*by_video.items()][:_VIDEOS]:
        places = np.linspace(0, len(found) - 1, _FRAMES_PER_VIDEO)
        chosen = [found[place] for place in np.unique(places.astype(int))]
        drawn = [
            draw_boxes(picture, frame, labels, threshold)
            for picture, frame in zip(
                pictures_of(video, [frame.number for frame in chosen]),
                chosen,
                strict=True,
            )
        ]
        sheet = contact_sheet(np.stack(drawn), columns=3)
        numbers = ", ".join(str(frame.number) for frame in chosen)
        pictures.append((f"Video {video}, frames {numbers}.", sheet))
    text = (
        "White boxes are the objects; detections are green if they have found "
        f"one and orange if not. Only scores of at least {threshold:.0%} are "
        "drawn."
    )
    return Section("Boxes over frames", text, pictures=pictures)


def _missed(frames, labels, threshold, pictures_of):
    misses = worst_misses(frames, threshold, _MISSES)
    rows, pictures = [], []
    for miss in misses:
        frame = frames[miss.frame]
        (picture,) = pictures_of(frame.video, [frame.number])
        name = labels[miss.label]
        drawn = draw_boxes(picture, frame, labels, threshold)
        caption = (
            f"{name}, video {frame.video}, frame {frame.number}: missed in "
            f"{miss.missed} of its {miss.frames} frames."
        )
        pictures.append((caption, contact_sheet(drawn[None])))
        rows.append((name, frame.video, frame.number, miss.missed, miss.frames))
    return Section(
        "Worst misses",
        "The objects that were missed in the most frames, each where it is "
        "largest."
        if misses
        else "Every object was found in every frame.",
        header=("class", "video", "frame", "missed", "frames")
        if misses
        else (),
        rows=rows,
        pictures=pictures,
    )


def _percent(share):
    if math.isnan(share):
        return None
    return f"{round(share, 3) + 0:.1%}"  # Without the sign of -0.0.


def _frames(number):
    return None if math.isnan(number) else f"{number:.2f}"
