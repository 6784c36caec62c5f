"""Draws generated moving objects over a background, with motion blur.

Positions and sizes are in pixels, times in frames, angles in degrees.
"""

import dataclasses
from typing import Any

import cv2
import numpy as np

from tsm_keras.data.gestures.scene import soft_background
from tsm_keras.data.moving_objects.shapes import SHAPES

# The relative changes per frame of each speed: how far an object moves per
# frame, as a share of its size, or by which share it grows. By the rule of
# FGFA, with the mean overlap of an object's box with itself over the next ten
# frames, slow is above 0.9, medium above 0.7, and fast below it.
_RATES = {"slow": (0.006, 0.008), "medium": (0.015, 0.022), "fast": (0.05, 0.1)}
SPEEDS = tuple(_RATES)
# A bar that turns by a radian per frame counts as one that moves by this share
# of its size. By the change of its box it would be 1.2. With less, bars turn
# faster, and small frames show in which direction.
_BOX_CHANGE_OF_TURNS = 0.7
_SIDES = (0.08, 0.5)  # Smallest and largest size, as shares of the frame.
_SHUTTER = 0.5  # The exposure of a frame, as a share of the time per frame.
_EXPOSURES = 4  # Drawings per frame that are averaged.
_SUBPIXEL = 4  # Bits of positions below one pixel.
# Below this share of its area, what can be seen of an object is ignored.
_LEAST_SEEN = 0.2


@dataclasses.dataclass(frozen=True)
class ObjectBox:
    """An object in a frame.

    Attributes:
        label: The class of the object.
        track: The number of the object in its video.
        box: `(x0, y0, x1, y1)` in pixels: the part inside the frame of the box
            around the object, whether other objects hide it or not.
        ignored: Whether less than a fifth of the object can be seen.
        speed: One of `SPEEDS`.
    """

    label: str
    track: int
    box: tuple[float, float, float, float]
    ignored: bool
    speed: str


@dataclasses.dataclass(frozen=True)
class MovingObject:
    """An object in forward time, or something that is none of the classes.

    Attributes:
        shape: Name of the shape.
        label: Name of the class; None for a distractor.
        speed: One of `SPEEDS`.
        color: RGB, float32.
        first: The first frame that shows the object.
        last: The last frame that shows the object.
        place: The centre (x, y) in the middle of its time.
        side: The size in the middle of its time.
        angle: The angle in the middle of its time.
        velocity: The pixels (x, y) that it moves per frame.
        growth: The logarithm of the factor by which it grows per frame.
        turn: The angle by which it turns clockwise per frame.
    """

    shape: str
    label: str | None
    speed: str
    color: np.ndarray
    first: int
    last: int
    place: np.ndarray
    side: float
    angle: float
    velocity: np.ndarray
    growth: float = 0.0
    turn: float = 0.0

    def contours(self, time: float) -> list[np.ndarray]:
        """Returns the outlines at a time, each `[N, 2]`."""
        since = time - (self.first + self.last) / 2
        angle = np.radians(self.angle + self.turn * since)
        cos, sin = np.cos(angle), np.sin(angle)
        # The y axis points down, so a positive turn is clockwise.
        axes = np.array([[cos, sin], [-sin, cos]])
        scale = self.side / 2 * np.exp(self.growth * since)
        center = self.place + self.velocity * since
        return [center + scale * line @ axes for line in SHAPES[self.shape]]


class ObjectScene:
    """The objects, distractors, occluders and background of one video.

    Args:
        video: An `ObjectsVideo`; its `backwards` is ignored.
        random: Source of all draws; generators in the same state give the same
            scene.
        labels: The classes of objects in forward time.
    """

    def __init__(
        self, video: Any, random: np.random.Generator, labels: tuple[str, ...]
    ):
        self.video = video
        self.background = soft_background(video.size, video.size, random)
        self.noise = random.uniform(0, 6)
        self.objects: list[MovingObject] = []
        for kind in (labels,) * int(random.integers(2, 5)) + (None,):
            # A new object comes soon after the last one has gone.
            first = -int(random.integers(0, 30))
            while first < video.num_frames:
                new = _draw_object(kind, first, video.size, random)
                self.objects.append(new)
                first = new.last + 1 + int(random.integers(0, 12))
        self.occluders = [
            _draw_occluder(video.size, random)
            for _ in range(int(random.integers(0, 3)))
        ]

    def frame(
        self, index: int, random: np.random.Generator
    ) -> tuple[np.ndarray, tuple[ObjectBox, ...]]:
        """Returns a frame in forward time, `[S, S, 3]` uint8, and its boxes."""
        size = self.video.size
        image = self.background
        layers: list[tuple[int, MovingObject, np.ndarray]] = []
        for track, one in enumerate(self.objects):
            if not one.first <= index <= one.last:
                continue
            mask = _exposed(one, index, size)
            image = image + (one.color - image) * mask[..., None]
            # What is drawn later hides what was drawn before.
            layers = [(n, x, seen * (1 - mask)) for n, x, seen in layers]
            layers.append((track, one, mask))
        for occluder, color in self.occluders:
            image = image + (color - image) * occluder[..., None]
            layers = [(n, x, seen * (1 - occluder)) for n, x, seen in layers]
        boxes = (
            _object_box(track, one, index, seen)
            for track, one, seen in layers
            if one.label is not None
        )
        grain = random.normal(0, self.noise, (size, size, 1))
        frame = np.clip(image + grain, 0, 255).astype(np.uint8)
        return frame, tuple(box for box in boxes if box is not None)


def _draw_object(labels, first, size, random):
    """Draws an object of one of `labels`, or for None a distractor."""
    label = None if labels is None else str(random.choice(labels))
    speed = str(random.choice(SPEEDS))
    rate = random.uniform(*_RATES[speed])
    side = random.uniform(0.16, 0.32)
    length = int(random.integers(25, 70))
    heading = random.uniform(0, 2 * np.pi)
    velocity = rate * side * np.array([np.cos(heading), np.sin(heading)])
    angle = random.uniform(0, 360)
    growth = turn = 0.0
    shape = label or str(random.choice(["star", "ellipse"]))
    if label == "disc_right":
        shape = "disc"
        slope = random.uniform(-0.4, 0.4)
        velocity = rate * side * np.array([1.0, slope])
    elif label == "square_growing":
        shape, growth, angle = "square", rate, random.uniform(-15, 15)
        velocity *= 0.2
        # The square must be neither too small nor too large at the ends.
        room = min(np.log(_SIDES[1] / side), np.log(side / _SIDES[0]))
        length = min(length, max(3, int(2 * room / rate)))
    elif label == "bar_clockwise":
        shape, side = "bar", 1.4 * side
        turn = np.degrees(rate / _BOX_CHANGE_OF_TURNS)
        velocity *= 0.2
    return MovingObject(
        shape=shape,
        label=label,
        speed=speed,
        color=random.uniform(130, 255, 3).astype(np.float32),
        first=first,
        last=first + length - 1,
        place=random.uniform(0.2, 0.8, 2) * size,
        side=side * size,
        angle=angle,
        velocity=velocity * size,
        growth=growth,
        turn=turn,
    )


def _draw_occluder(size, random):
    """Returns the mask of a dark post or rail across the frame, its colour."""
    start, width = random.uniform(0.1, 0.8), random.uniform(0.06, 0.14)
    mask = np.zeros((size, size), np.float32)
    mask[int(start * size) : int((start + width) * size)] = 1
    color = random.uniform(10, 110, 3).astype(np.float32)
    return mask.T if random.integers(2) else mask, color


def _exposed(one, index, size):
    """Returns the share of the exposure that each pixel shows the object."""
    times = index + _SHUTTER * (
        (np.arange(_EXPOSURES) + 0.5) / _EXPOSURES - 0.5
    )
    total = np.zeros((size, size), np.float32)
    for time in times:
        mask = np.zeros((size, size), np.uint8)
        lines = [
            # OpenCV counts from the middle of a pixel, boxes from its edge.
            np.rint((line - 0.5) * (1 << _SUBPIXEL)).astype(np.int32)
            for line in one.contours(time)
        ]
        cv2.fillPoly(mask, lines, 255, cv2.LINE_AA, _SUBPIXEL)
        total += mask
    return total / np.float32(255 * _EXPOSURES)


def _object_box(track, one, index, seen):
    """Returns the box of an object, or None if it is outside the frame."""
    points = np.concatenate(one.contours(index))
    low, high = points.min(0), points.max(0)
    size = len(seen)
    x0, y0, x1, y1 = np.clip([*low, *high], 0, size).tolist()
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    whole = sum(
        _area(line) * (1 if outer == 0 else -1)
        for outer, line in enumerate(one.contours(index))
    )
    return ObjectBox(
        label=one.label,
        track=track,
        box=(x0, y0, x1, y1),
        ignored=bool(seen.sum() < _LEAST_SEEN * whole),
        speed=one.speed,
    )


def _area(line):
    """Returns the area inside an outline."""
    x, y = line.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
