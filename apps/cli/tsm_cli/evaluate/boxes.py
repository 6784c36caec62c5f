"""evaluate_detector: `tsm evaluate` for detectors of objects."""

import itertools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_cli.detectors import LOWEST_SCORE, Detector, open_detector
from tsm_cli.evaluate.clips import check_target
from tsm_cli.evaluate.settings import Settings
from tsm_keras.data.readers.detection_videos import detection_videos
from tsm_keras.evaluation.detection.detection_report import (
    Evaluated,
    summary_table,
    write_detection_report,
)
from tsm_keras.evaluation.detection.evaluate_videos import evaluate_videos
from tsm_keras.evaluation.detection.measures import Measures, measure
from tsm_keras.evaluation.report import format_table
from tsm_keras.progress import progress_bar

_DRAWN = 0.3  # The lowest score of a detection in the report's pictures.


def evaluate_detector(
    settings: Settings, *, stream: bool
) -> dict[str, Measures]:
    """Evaluates a detector, prints figures and writes a report to `to`.

    Args:
        settings: The values of the flags.
        stream: Whether it takes frame by frame. A preset is then evaluated on
            clips too, to compare the two.

    Returns:
        The figures by the way in which the detector ran: `"stream"`, `"clips"`
        and `"against"`.

    Raises:
        ValueError: If there is not exactly one detector, or the classes of the
            data are not those of the detector.
    """
    if len(settings.models) != 1:
        raise ValueError(
            "Detectors are evaluated one by one. "
            f"Received: {', '.join(settings.models)}"
        )
    if settings.to:
        check_target(settings.to)
    detectors = _detectors(settings, stream)
    videos = detection_videos(settings.data, settings.split)
    results = {}
    for name, detector in detectors.items():
        with progress_bar(f"evaluating: {name}", unit="video") as progress:
            frames = _run(detector, videos, progress)
        results[name] = Evaluated(frames, measure(frames, detector.labels))
    measures = {name: one.measures for name, one in results.items()}
    print(format_table(*summary_table(measures)))
    if settings.to:
        page = write_detection_report(
            settings.to,
            results,
            title=pathlib.Path(settings.models[0]).name,
            protocol={
                "model": settings.models[0],
                "data": settings.data,
                "split": settings.split,
                "lowest_score": LOWEST_SCORE,
                **({"against": settings.against} if settings.against else {}),
            },
            threshold=_DRAWN,
            pictures_of=lambda video, numbers: _pictures(
                videos[video], numbers
            ),
            notes=[f"{name}: {_way(x)}" for name, x in detectors.items()],
        )
        print(page)
    return measures


def _detectors(settings, stream) -> dict[str, Detector]:
    (path,) = settings.models
    size = settings.batch_size
    first = open_detector(path, stream=stream, batch_size=size)
    detectors = {"stream" if first.streams else "clips": first}
    if stream and pathlib.Path(path).is_dir():
        detectors["clips"] = open_detector(path, stream=False, batch_size=size)
    if settings.against:
        detectors["against"] = open_detector(
            settings.against, stream=False, batch_size=size
        )
    return detectors


def _run(detector, videos, progress):
    frames = []
    found = evaluate_videos(
        detector.detect,
        videos,
        detector.labels,
        step_of=detector.step,
        view_of=detector.view,
    )
    for done, of_video in enumerate(found, start=1):
        frames += of_video
        progress(done, len(videos))
    return frames


def _way(detector):
    """Returns in one sentence how a detector is shown the frames."""
    if detector.streams:
        return "the network takes frame by frame and keeps its caches."
    return (
        f"the network takes windows of {detector.num_segments} frames. Each "
        "begins half a window after the last one, and every frame is predicted "
        "in one of them (docs/detection.md)."
    )


def _pictures(video: Any, numbers: Sequence[int]) -> list[np.ndarray]:
    """Returns some frames of a video."""
    wanted = set(numbers)
    frames = itertools.islice(video.frames(), max(wanted) + 1)
    return [frame for place, frame in enumerate(frames) if place in wanted]
