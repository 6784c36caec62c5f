"""ObjectDecision: tells when the objects of a detector appear and disappear."""

import collections
import dataclasses
import math
from typing import Any, Literal

import numpy as np

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.detection.tracks import Track, TrackConfig, Tracker
from tsm_live.sessions.detection_prediction import DetectionPrediction

_EVENTS = 100  # The number of latest events in a state.

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels.


@dataclasses.dataclass(frozen=True)
class ObjectEvent:
    """An object appears or disappears.

    Attributes:
        kind: `"appear"` or `"disappear"`.
        track: The number of the object, counted from 1.
        label: The label of the object.
        score: When it appears its score, when it disappears its highest score.
        time: The time in the stream, in seconds.
        box: Its last box, in pixels of the source's frames.
    """

    kind: Literal["appear", "disappear"]
    track: int
    label: str
    score: float
    time: float
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """Returns the event as an object for JSON, with rounded numbers."""
        return {
            **dataclasses.asdict(self),
            "score": round(self.score, 4),
            "time": round(self.time, 3),
            "box": [round(edge, 1) for edge in self.box],
        }


@dataclasses.dataclass(frozen=True)
class TrackedObject:
    """An object that the network sees in a frame.

    Attributes:
        track: The number of the object, as in its events.
        label: The label of the object.
        score: Its score in the frame.
        box: Its box in pixels of the frame.
        trail: The centres of its latest boxes, (x, y), the oldest first.
    """

    track: int
    label: str
    score: float
    box: Box
    trail: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class ObjectState:
    """The objects in one moment of a source.

    Attributes:
        labels: The classes of the network.
        objects: The objects that have appeared and are seen, the oldest first.
        events: The latest events, oldest first.
    """

    labels: tuple[str, ...]
    objects: tuple[TrackedObject, ...]
    events: tuple[ObjectEvent, ...]


class ObjectDecision:
    """Follows the objects of one source; see `Decision`.

    Args:
        spec: The spec of a detector.
        config: The rules by which objects appear and disappear; None for the
            usual ones.
    """

    def __init__(self, spec: ArtifactSpec, config: TrackConfig | None = None):
        config = config or TrackConfig()
        self._labels = spec.labels
        self._threshold = config.threshold
        self._tracker = Tracker(config)
        self._events: collections.deque[ObjectEvent] = collections.deque(
            maxlen=_EVENTS
        )
        self._time = -math.inf
        self._appeared = 0

    def update(
        self, time: float, prediction: DetectionPrediction
    ) -> list[ObjectEvent]:
        """Takes the prediction for the next frame; returns its events."""
        self._time = time
        boxes = prediction.boxes
        if self._threshold is not None:
            boxes = prediction.decode(threshold=self._threshold)
        appeared, gone = self._tracker.update(boxes)
        self._appeared += len(appeared)
        return self._note(
            [self._event("disappear", each) for each in gone]
            + [self._event("appear", each) for each in appeared]
        )

    def end(self, time: float = -math.inf) -> list[ObjectEvent]:
        """Lets all objects disappear; returns these events."""
        self._time = max(self._time, time)
        gone = self._tracker.end()
        events = self._note([self._event("disappear", each) for each in gone])
        self._time = -math.inf
        return events

    @property
    def is_active(self) -> bool:
        """Whether an object has appeared and not disappeared."""
        return bool(self._tracker.tracks)

    def state(self) -> dict[str, Any]:
        """Returns the objects that are seen now."""
        seen = tuple(
            TrackedObject(
                track=each.number,
                label=self._labels[each.label],
                score=each.score,
                box=_box(each),
                trail=tuple(map(_centre, each.boxes)),
            )
            for each in self._tracker.tracks
            if not each.misses
        )
        found = ObjectState(self._labels, seen, tuple(self._events))
        return {"heads": {}, "objects": found}

    def summary(self) -> dict[str, Any]:
        """Returns the number of objects that appeared."""
        return {
            "found": f"objects {self._appeared}",
            "heads": {},
            "objects": self._appeared,
        }

    def _event(self, kind: Any, track: Track) -> ObjectEvent:
        return ObjectEvent(
            kind=kind,
            track=track.number,
            label=self._labels[track.label],
            score=track.score if kind == "appear" else track.best,
            time=self._time,
            box=_box(track),
        )

    def _note(self, events):
        self._events.extend(events)
        return events


def _box(track: Track) -> Box:
    x0, y0, x1, y1 = track.boxes[-1].tolist()
    return x0, y0, x1, y1


def _centre(box: np.ndarray) -> tuple[float, float]:
    x0, y0, x1, y1 = box.tolist()
    return (x0 + x1) / 2, (y0 + y1) / 2
