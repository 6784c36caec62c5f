"""draw_boxes: objects and detections over a frame; worst_misses."""

import collections
import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from tsm_keras.evaluation.detection.frames import (
    NOTHING,
    EvaluatedFrame,
    objects_found,
)

# Right, wrong, and what should be found, in RGB: colours of Okabe and Ito.
_RIGHT, _WRONG, _OBJECT = (0, 158, 115), (213, 94, 0), (255, 255, 255)
_SHORT_SIDE = 300  # Smaller frames are shown larger, so that text fits.
_TEXT = 0.45  # The size of letters, about 11 pixels.


@dataclasses.dataclass(frozen=True)
class Miss:
    """An object that was missed in several frames.

    Attributes:
        frame: The place, in the list of frames, of the frame in which the
            missed object is largest.
        label: The number of its class.
        missed: The number of frames in which it was missed.
        frames: The number of frames in which it is.
    """

    frame: int
    label: int
    missed: int
    frames: int


def worst_misses(
    frames: Sequence[EvaluatedFrame], threshold: float, count: int
) -> list[Miss]:
    """Returns the objects that were missed in the most frames.

    Args:
        frames: The annotated frames.
        threshold: Detections with a lower score do not count.
        count: The largest number of objects to return.
    """
    tracks = collections.defaultdict(list)
    for place, frame in enumerate(frames):
        truth = frame.truth.kept()
        objects = objects_found(frame)[frame.found.scores >= threshold]
        seen = np.isin(np.arange(len(truth.boxes)), objects)
        sizes = np.prod(truth.boxes[:, 2:] - truth.boxes[:, :2], axis=1)
        for index, (track, label) in enumerate(
            zip(truth.tracks, truth.classes, strict=True)
        ):
            # Without a track, each box is an object of its own.
            of_frame = (place, index) if track < 0 else (-1, int(track))
            key = frame.video, *of_frame, int(label)
            tracks[key].append((not seen[index], float(sizes[index]), place))
    misses = []
    for (*_, label), boxes in tracks.items():
        missed = [(size, place) for missing, size, place in boxes if missing]
        if missed:
            where = max(missed)[1]
            misses.append(Miss(where, label, len(missed), len(boxes)))
    misses.sort(key=lambda miss: -miss.missed)
    return misses[:count]


def draw_boxes(
    picture: np.ndarray,
    frame: EvaluatedFrame,
    labels: Sequence[str],
    threshold: float,
) -> np.ndarray:
    """Draws objects in white, and what was found in green or orange.

    A box is green if it has found an object, and orange if it has not. What is
    ignored is not drawn. Detections with better scores are on top.

    Args:
        picture: The picture of the frame, `[H, W, 3]` uint8 RGB.
        frame: The objects and detections.
        labels: The names of the classes.
        threshold: Detections with a lower score are not drawn.

    Returns:
        A new picture. Its short side has at least 300 pixels.
    """
    scale = max(1, -(-_SHORT_SIDE // min(picture.shape[:2])))
    drawn = np.repeat(np.repeat(picture, scale, axis=0), scale, axis=1)
    for box in frame.truth.kept().boxes:
        _rectangle(drawn, box * scale, _OBJECT, 4)
    found = frame.found
    shown = zip(
        found.boxes * scale,
        found.classes,
        found.scores,
        objects_found(frame),
        strict=True,
    )
    for box, label, score, chosen in reversed([*shown]):
        if score >= threshold and chosen >= NOTHING:
            color = _WRONG if chosen == NOTHING else _RIGHT
            _rectangle(drawn, box, color, 2)
            _write(drawn, f"{labels[label]} {score:.0%}", box, color)
    return drawn


def _rectangle(drawn, box, color, thickness):
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    cv2.rectangle(drawn, (x0, y0), (x1, y1), color, thickness)


def _write(drawn, text, box, color):
    """Writes white letters on a coloured band above a box."""
    # Non-ASCII letters have no shape in OpenCV's fonts.
    text = text.encode("ascii", "replace").decode()
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), below = cv2.getTextSize(text, font, _TEXT, 1)
    x = max(min(round(float(box[0])), drawn.shape[1] - width), 0)
    y = max(round(float(box[1])) - below, height + 1)
    cv2.rectangle(drawn, (x, y - height - 1), (x + width, y + below), color, -1)
    cv2.putText(drawn, text, (x, y), font, _TEXT, _OBJECT, 1, cv2.LINE_AA)
