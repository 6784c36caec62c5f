"""GestureDecision: from the logits of a stream to gestures with an end."""

import collections
import dataclasses
import difflib
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np


@dataclasses.dataclass(frozen=True)
class GestureEvent:
    """The start or the end of a gesture.

    Attributes:
        kind: `"start"` or `"end"`.
        label: Of the gesture.
        score: In [0, 1]: at a start the one that started it, at an end the
            highest since.
        time: Of the stream, in seconds.
    """

    kind: Literal["start", "end"]
    label: str
    score: float
    time: float


@dataclasses.dataclass(frozen=True)
class DecisionConfig:
    """When a gesture starts and ends.

    Attributes:
        average: Seconds of logits that are averaged; 0 for the last alone.
        start_score: In [0, 1]: a gesture may start at this score.
        end_score: At most `start_score`: it ends below this one.
        min_duration: Seconds for which it must hold the first score, and be
            the best, before it starts.
        cooldown: Seconds after an end in which none starts.
        no_gesture: Classes that compete like others, and mean that there is no
            gesture where they win.
        ignored: Classes that do not compete: as if the network had none such.

    Raises:
        ValueError: If a number is out of its range.
    """

    average: float = 1.0
    start_score: float = 0.6
    end_score: float = 0.4
    min_duration: float = 0.2
    cooldown: float = 0.5
    no_gesture: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("average", "min_duration", "cooldown"):
            seconds = getattr(self, name)
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(
                    f"`{name}` must be seconds, 0 or more. Received: "
                    f"{name}={seconds}"
                )
        if not 0 <= self.end_score <= self.start_score <= 1:
            raise ValueError(
                "Scores must satisfy 0 <= end_score <= start_score <= 1. "
                f"Received: end_score={self.end_score}, "
                f"start_score={self.start_score}"
            )


class GestureDecision:
    """Averages a stream's logits and says when gestures start and end.

    Of each gesture there is one start and one end, in turns. Time is that of
    the frames, so the rate at which they come matters little.

    Args:
        labels: The K classes in the order of the logits.
        config: When gestures start and end.

    Attributes:
        scores: `[K]` float32, the softmax of the average; zeros at first.
        gesture: The label of the one that goes on, or None.

    Raises:
        ValueError: If `config` names a class that is not there, or leaves
            none that could be a gesture.
    """

    def __init__(
        self, labels: Sequence[str], config: DecisionConfig = DecisionConfig()
    ):
        self._labels = tuple(labels)
        self._config = config
        ignored = _positions(self._labels, "ignored", config.ignored)
        none = _positions(self._labels, "no_gesture", config.no_gesture)
        self._competes = ~ignored
        self._is_gesture = ~(ignored | none)
        if not self._is_gesture.any():
            raise ValueError(
                "`ignored` and `no_gesture` leave no class. "
                f"Received: {config.ignored}, {config.no_gesture}"
            )
        self._forget()

    def _forget(self) -> None:
        self._recent: collections.deque[tuple[float, np.ndarray]] = (
            collections.deque()
        )
        self._time = self._free_at = -math.inf
        self._leader: str | None = None
        self._leads_since = math.inf
        self.gesture: str | None = None
        self._best = 0.0  # Score of the gesture.
        self.scores = np.zeros(len(self._labels), np.float32)

    def update(self, time: float, logits: np.ndarray) -> list[GestureEvent]:
        """Takes the logits of the next frame.

        Args:
            time: Of the frame in seconds, not before the last one's.
            logits: `[K]` float32.

        Returns:
            What starts or ends with it: none, one, or an end and a start.

        Raises:
            ValueError: If time goes back: call `end` first.
        """
        if time < self._time:
            raise ValueError(
                f"`time` must not go back from {self._time}. Received: "
                f"time={time}"
            )
        self._time = time
        self._recent.append((time, np.asarray(logits, np.float64)))
        while self._recent[0][0] < time - self._config.average:
            self._recent.popleft()
        self.scores = self._mean_scores()
        challenger = self._challenger()
        events = []
        if self.gesture is not None:
            score = float(self.scores[self._labels.index(self.gesture)])
            self._best = max(self._best, score)
            if score < self._config.end_score or (
                challenger not in (None, self.gesture)
            ):
                events.append(self._end())
        if (
            self.gesture is None
            and challenger is not None
            and time >= self._free_at
        ):
            events.append(self._start(challenger))
        return events

    def end(self) -> list[GestureEvent]:
        """Forgets the stream; returns the end of the gesture that goes on."""
        events = [] if self.gesture is None else [self._end()]
        self._forget()
        return events

    def _mean_scores(self):
        mean = np.mean([logits for _, logits in self._recent], axis=0)
        mean = np.where(self._competes, mean, -np.inf)
        scores = np.exp(mean - mean.max())
        return (scores / scores.sum()).astype(np.float32)

    def _challenger(self):
        """Returns the gesture that has led for long enough to start."""
        best = int(self.scores.argmax())
        leads = (
            self._is_gesture[best]
            and self.scores[best] >= self._config.start_score
        )
        leader = self._labels[best] if leads else None
        if leader != self._leader:
            self._leader, self._leads_since = leader, self._time
        held = self._time - self._leads_since >= self._config.min_duration
        return leader if held else None

    def _start(self, label):
        self.gesture = label
        self._best = float(self.scores[self._labels.index(label)])
        return GestureEvent("start", label, self._best, self._time)

    def _end(self):
        event = GestureEvent("end", self.gesture, self._best, self._time)
        self.gesture = None
        self._free_at = self._time + self._config.cooldown
        return event


def _positions(labels, argument, names):
    """Returns `[K]` booleans: which classes these are."""
    for name in names:
        if name not in labels:
            close = difflib.get_close_matches(name, labels, n=3, cutoff=0.4)
            raise ValueError(
                f"`{argument}` must name classes of the model, such as "
                f"{close or list(labels[:3])}. Received: {name!r}"
            )
    return np.array([label in names for label in labels])
