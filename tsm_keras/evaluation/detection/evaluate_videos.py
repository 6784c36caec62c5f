"""evaluate_videos: runs a detector over videos, beside their objects."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tsm_keras.evaluation.detection.frames import EvaluatedFrame, Truth
from tsm_live.detection.boxes import Boxes

# An object of which the network sees less than this share is ignored.
_LEAST_SEEN = 0.2


def evaluate_videos(
    detect: Callable[[Iterable[np.ndarray]], Iterator[Boxes]],
    videos: Any,
    labels: Sequence[str],
    *,
    step_of: Callable[[float], int],
    view_of: Callable[[int, int], np.ndarray],
) -> Iterator[list[EvaluatedFrame]]:
    """Runs a detector over all frames of videos.

    If it takes every n-th frame only, each video is shown to it n times, from
    the first, the second, ... frame on, so that every frame is predicted.

    A detector need not find what its network cannot see: boxes are cut at the
    edge of its view. An object is ignored if less than a fifth of its box is
    left, and removed if nothing is left.

    Args:
        detect: Yields the boxes of each frame.
        videos: The videos, from `detection_videos`.
        labels: The names of the detector's classes.
        step_of: Returns n from the frames per second of a video.
        view_of: Returns the box of what the network sees of a frame, from the
            frame's height and width.

    Yields:
        The annotated frames of each video, in order. The classes of objects
        are numbers of the detector's classes.

    Raises:
        ValueError: If the videos have classes that the detector lacks.
    """
    if unknown := [name for name in videos.labels if name not in labels]:
        raise ValueError(
            f"The detector must know the classes of the data, but {unknown} "
            f"are not among its own. Received: a detector of {tuple(labels)}"
        )
    numbers = np.array([labels.index(name) for name in videos.labels], int)
    for number, video in enumerate(videos):
        step = step_of(video.fps)
        found: dict[int, tuple[Boxes, np.ndarray]] = {}
        for first in range(step):
            views: list[np.ndarray] = []
            frames = _seen(video, first, step, view_of, views)
            for place, boxes in enumerate(detect(frames)):
                found[first + place * step] = boxes, views[place]
        yield [
            EvaluatedFrame(number, frame, _visible(truth, view, numbers), boxes)
            for frame, (boxes, view) in sorted(found.items())
            if (truth := video.truth(frame)) is not None
        ]


def _seen(video, first, step, view_of, views):
    for frame in itertools.islice(video.frames(), first, None, step):
        views.append(view_of(*frame.shape[:2]))
        yield frame


def _visible(truth, view, numbers):
    """Returns the objects as far as they are in the view."""
    boxes = np.clip(truth.boxes, np.tile(view[:2], 2), np.tile(view[2:], 2))
    before, after = (
        np.prod(each[:, 2:] - each[:, :2], axis=1)
        for each in (truth.boxes, boxes)
    )
    there = after > 0
    hidden = after < _LEAST_SEEN * before
    return Truth(
        boxes[there],
        numbers[truth.classes[there]],
        truth.tracks[there],
        (truth.ignored | hidden)[there],
    )
