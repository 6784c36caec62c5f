"""GestureDecision: turns the logits of a head into starts and ends."""

import collections
import dataclasses
import difflib
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np


@dataclasses.dataclass(frozen=True)
class GestureEvent:
    """The start or the end of a gesture.

    Attributes:
        kind: `"start"` or `"end"`.
        label: The label of the gesture.
        score: A number in [0, 1]. At a start it is the score that started the
            gesture, and at an end the highest score of the gesture.
        time: The time in the stream, in seconds.
        head: The name of the head that says so; empty if there is only one.
    """

    kind: Literal["start", "end"]
    label: str
    score: float
    time: float
    head: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns the event as an object for JSON, with rounded numbers."""
        return {
            "kind": self.kind,
            "label": self.label,
            "score": round(self.score, 4),
            "time": round(self.time, 3),
            **({"head": self.head} if self.head else {}),
        }


@dataclasses.dataclass(frozen=True)
class DecisionConfig:
    """The rules by which a gesture starts and ends.

    Attributes:
        average: The seconds over which logits are averaged; 0 uses only the
            logits of the last frame.
        start_score: The score in [0, 1] at which a gesture may start.
        end_score: The score, at most `start_score`, below which it ends.
        min_duration: The seconds for which a gesture must have the highest
            score, and at least `start_score`, before it starts.
        cooldown: The seconds after the end of a gesture during which no
            gesture starts.
        no_gesture: Classes which mean that there is no gesture. They compete
            with the other classes for the highest score.
        ignored: Classes that are left out, as if the network did not have them.

    Raises:
        ValueError: If a number is out of range.
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
                    f"`{name}` must be a finite number of seconds, 0 or more. "
                    f"Received: {name}={seconds}"
                )
        if not 0 <= self.end_score <= self.start_score <= 1:
            raise ValueError(
                "Scores must satisfy 0 <= end_score <= start_score <= 1. "
                f"Received: end_score={self.end_score}, "
                f"start_score={self.start_score}"
            )


class GestureDecision:
    """Averages logits and decides when the gestures of one head start and end.

    Every gesture has one start and then one end. All times are timestamps of
    frames, so the frame rate matters little. They are compared in whole
    microseconds, so that six frames at 30 Hz always last 0.2 s.

    Args:
        labels: The K classes in the order of the logits.
        config: The rules by which gestures start and end.
        head: The name of the head, which events repeat; empty if it is the
            only one.

    Attributes:
        labels: The K classes.
        scores: `[K]` float32, the softmax of the averaged logits; zeros before
            the first frame.
        gesture: The label of the current gesture, or None.

    Raises:
        ValueError: If `config` names an unknown class, or if no class is left
            that could be a gesture.
    """

    def __init__(
        self,
        labels: Sequence[str],
        config: DecisionConfig = DecisionConfig(),
        head: str = "",
    ):
        self.labels = tuple(labels)
        self._config = config
        self._head = head
        ignored = _positions(self.labels, "ignored", config.ignored)
        none = _positions(self.labels, "no_gesture", config.no_gesture)
        self._competes = ~ignored
        self._is_gesture = ~(ignored | none)
        if not self._is_gesture.any():
            raise ValueError(
                "`ignored` and `no_gesture` leave no class. "
                f"Received: {config.ignored}, {config.no_gesture}"
            )
        self._average = _microseconds(config.average)
        self._min_duration = _microseconds(config.min_duration)
        self._cooldown = _microseconds(config.cooldown)
        self._ended_at: float = -math.inf  # Microseconds; outlives `end`.
        self._forget()

    def _forget(self) -> None:
        self._recent: collections.deque[tuple[int, np.ndarray]] = (
            collections.deque()
        )
        self._time = -math.inf
        self._leader: str | None = None
        self._leads_since = 0
        self.gesture: str | None = None
        self._best = 0.0  # The highest score of the gesture.
        self.scores = np.zeros(len(self.labels), np.float32)

    def update(self, time: float, logits: np.ndarray) -> list[GestureEvent]:
        """Takes the logits of the next frame.

        Args:
            time: The time of the frame in seconds. It never goes back.
            logits: `[K]` float32.

        Returns:
            The events at this frame: none, one, or an end and a start.

        Raises:
            ValueError: If time goes back. Call `end` before a new stream.
        """
        if time < self._time:
            raise ValueError(
                f"`time` must not go back from {self._time}. Received: "
                f"time={time}"
            )
        self._time, now = time, _microseconds(time)
        # If time has started again, the cooldown starts again too.
        self._ended_at = min(self._ended_at, now)
        self._recent.append((now, np.asarray(logits, np.float64)))
        while now - self._recent[0][0] > self._average:
            self._recent.popleft()
        self.scores = self._mean_scores()
        challenger = self._challenger(now)
        events = []
        if self.gesture is not None:
            score = float(self.scores[self.labels.index(self.gesture)])
            self._best = max(self._best, score)
            if score < self._config.end_score or (
                challenger not in (None, self.gesture)
            ):
                events.append(self._end())
        if (
            self.gesture is None
            and challenger is not None
            and now - self._ended_at >= self._cooldown
        ):
            events.append(self._start(challenger))
        return events

    def end(self, time: float = -math.inf) -> list[GestureEvent]:
        """Ends the current gesture and forgets the stream; keeps the cooldown.

        Args:
            time: The time at which the gesture ends, if it is later than the
                last frame.

        Returns:
            The end of the current gesture, if there is one.
        """
        self._time = max(self._time, time)
        events = [] if self.gesture is None else [self._end()]
        self._forget()
        return events

    def _mean_scores(self):
        mean = np.mean([logits for _, logits in self._recent], axis=0)
        mean = np.where(self._competes, mean, -np.inf)
        scores = np.exp(mean - mean.max())
        return (scores / scores.sum()).astype(np.float32)

    def _challenger(self, now):
        """Returns the gesture that has led for long enough to start."""
        best = int(self.scores.argmax())
        leads = (
            self._is_gesture[best]
            and self.scores[best] >= self._config.start_score
        )
        leader = self.labels[best] if leads else None
        if leader != self._leader:
            self._leader, self._leads_since = leader, now
        return leader if now - self._leads_since >= self._min_duration else None

    def _start(self, label):
        self.gesture = label
        self._best = float(self.scores[self.labels.index(label)])
        return GestureEvent("start", label, self._best, self._time, self._head)

    def _end(self):
        event = GestureEvent(
            "end", self.gesture, self._best, self._time, self._head
        )
        self.gesture = None
        self._ended_at = _microseconds(self._time)
        return event


def _microseconds(seconds):
    return round(1e6 * min(seconds, 1e15))


def _positions(labels, argument, names):
    """Returns `[K]` booleans that mark the named classes."""
    for name in names:
        if name not in labels:
            close = difflib.get_close_matches(name, labels, n=3, cutoff=0.4)
            raise ValueError(
                f"`{argument}` must name classes of the model, such as "
                f"{close or list(labels[:3])}. Received: {name!r}"
            )
    return np.array([label in names for label in labels])
