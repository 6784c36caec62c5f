"""Tracker: follows the objects that a detector finds from frame to frame.

In each frame, the boxes are taken in the order of their scores. A box that is
nearly the same as a better one with another label is left out, because it is a
second opinion about the same object. Each of the others continues the track of
its class whose expected box it overlaps most, if it overlaps it enough and no
better box has taken it. The expected box is the last one, moved by the motion
before it. Other boxes begin tracks.
"""

import collections
import dataclasses
import itertools

import numpy as np

from tsm_live.detection.boxes import Boxes, box_overlaps

_TRAIL = 16  # The number of latest boxes that a track keeps.
# Two boxes with an intersection over union above this are nearly the same.
_SAME = 0.7


@dataclasses.dataclass(frozen=True)
class TrackConfig:
    """The rules by which objects appear and disappear.

    Attributes:
        threshold: The score in [0, 1] that the box of an object must have; by
            default that of the artifact.
        overlap: The intersection over union, in (0, 1], that a box must have
            with the expected box of an object to be the same object.
        hits: The number of frames of the network, one after the other, in
            which an object must be found before it appears.
        misses: The number of frames of the network, one after the other, in
            which an object must be missing before it disappears.

    Raises:
        ValueError: If a number is out of range.
    """

    threshold: float | None = None
    overlap: float = 0.2
    hits: int = 3
    misses: int = 5

    def __post_init__(self):
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(
                "`threshold` must be a score in [0, 1]. Received: "
                f"threshold={self.threshold}"
            )
        if not 0 < self.overlap <= 1:
            raise ValueError(
                f"`overlap` must be in (0, 1]. Received: overlap={self.overlap}"
            )
        for name in ("hits", "misses"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: "
                    f"{name}={getattr(self, name)}"
                )


class Track:
    """An object that is followed.

    Attributes:
        number: The number of the object, counted from 1 as objects appear; 0
            if it has not appeared yet.
        label: The index of its class.
        score: The score of its last box.
        best: Its highest score so far.
        hits: The number of frames in which it was found.
        misses: The number of frames since the one in which it was last found.
        boxes: Its latest boxes, `(x0, y0, x1, y1)`, the last one at the end.
    """

    def __init__(self, box: np.ndarray, label: int, score: float):
        self.number = self.hits = self.misses = 0
        self.label = label
        self.best = 0.0
        self._motion = np.zeros(2, np.float32)  # Pixels per frame.
        self.boxes: collections.deque[np.ndarray] = collections.deque(
            maxlen=_TRAIL
        )
        self.found(box, score)

    def found(self, box: np.ndarray, score: float) -> None:
        """Notes the box of the object in a frame."""
        if self.boxes:
            moved = (box - self.boxes[-1]).reshape(2, 2).mean(axis=0)
            self._motion = moved / max(self.misses, 1)
        self.boxes.append(box)
        self.score, self.best = score, max(self.best, score)
        self.hits, self.misses = self.hits + 1, 0

    @property
    def expected(self) -> np.ndarray:
        """Where its box should be `misses` frames after the last one."""
        return self.boxes[-1] + np.tile(self._motion * self.misses, 2)


class Tracker:
    """Follows the objects of one stream.

    Args:
        config: The rules by which objects appear and disappear.
    """

    def __init__(self, config: TrackConfig = TrackConfig()):
        self._config = config
        self._tracks: list[Track] = []
        self._numbers = itertools.count(1)

    @property
    def tracks(self) -> list[Track]:
        """The objects that have appeared and not disappeared."""
        return [track for track in self._tracks if track.number]

    def update(self, found: Boxes) -> tuple[list[Track], list[Track]]:
        """Takes the boxes of the next frame, the best first.

        Returns:
            The objects that appear, and those that disappear.
        """
        free = list(self._tracks)
        for track in free:
            track.misses += 1
        overlaps = box_overlaps(found.boxes, found.boxes)
        others = found.classes[:, None] != found.classes
        second = np.tril((overlaps > _SAME) & others).any(axis=1)
        values = zip(found.boxes, found.classes, found.scores, strict=True)
        for box, label, score in itertools.compress(values, ~second):
            track = self._best(free, box, label)
            if track is None:
                track = Track(box, int(label), float(score))
                self._tracks.append(track)
            else:
                free.remove(track)
                track.found(box, float(score))
        appeared = [
            track
            for track in self._tracks
            if not (track.number or track.misses)
            and track.hits >= self._config.hits
        ]
        for track in appeared:
            track.number = next(self._numbers)
        # What has not appeared yet must be found in each frame.
        lost = [
            track
            for track in self._tracks
            if track.misses >= (self._config.misses if track.number else 1)
        ]
        self._tracks = [t for t in self._tracks if t not in lost]
        return appeared, [track for track in lost if track.number]

    def end(self) -> list[Track]:
        """Forgets all objects; returns those that disappear."""
        gone, self._tracks = self.tracks, []
        return gone

    def _best(self, tracks, box, label):
        """Returns the track that a box continues, or None."""
        tracks = [track for track in tracks if track.label == label]
        if not tracks:
            return None
        expected = np.array([track.expected for track in tracks])
        (overlaps,) = box_overlaps(box[None], expected)
        best = int(overlaps.argmax())  # Of equal ones, the oldest track.
        return tracks[best] if overlaps[best] >= self._config.overlap else None
