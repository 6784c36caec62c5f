"""HeadDecisions: finds gestures in the scores of each head of a network."""

import collections
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.artifact_defaults import chosen_heads, decision_configs
from tsm_live.decision.gestures import (
    DecisionConfig,
    GestureDecision,
    GestureEvent,
)
from tsm_live.sessions.prediction import Prediction, Scores

_EVENTS = 20  # The number of latest events in the state of a head.


@dataclasses.dataclass(frozen=True, eq=False)
class HeadState(Scores):
    """One moment of one head; its scores are from the averaged logits.

    Attributes:
        gesture: The current gesture, or None.
        events: The latest events, oldest first.
    """

    gesture: str | None
    events: tuple[GestureEvent, ...]


class HeadDecisions:
    """Decides for each head by itself; see `Decision`.

    Args:
        spec: The spec of an artifact that classifies.
        configs: The rules by which gestures start and end: for all heads, or
            for each head that decides, by its name. None for those of the
            artifact.

    Attributes:
        heads: The decision of each head, by its name.

    Raises:
        ValueError: If `configs` names an unknown class or head.
    """

    def __init__(
        self,
        spec: ArtifactSpec,
        configs: DecisionConfig | Mapping[str, DecisionConfig] | None = None,
    ):
        configs = configs or decision_configs(spec)
        if isinstance(configs, DecisionConfig):
            configs = {head.name: configs for head in spec.heads}
        several = len(spec.heads) > 1
        self.heads = {
            head.name: GestureDecision(
                head.labels, configs[head.name], head.name if several else ""
            )
            for head in chosen_heads(spec, configs)
        }
        self._recent: dict[str, collections.deque[GestureEvent]] = {
            name: collections.deque(maxlen=_EVENTS) for name in self.heads
        }
        self._gestures = 0
        self._note_scores()

    def update(self, time: float, prediction: Prediction) -> list[GestureEvent]:
        """Takes the prediction for the next frame; returns its events."""
        events = self._decide(
            lambda name, decision: decision.update(
                time, prediction.heads[name].logits
            )
        )
        self._note_scores()
        return events

    def end(self, time: float = -math.inf) -> list[GestureEvent]:
        """Ends all gestures; returns the ends."""
        return self._decide(lambda name, decision: decision.end(time))

    @property
    def is_active(self) -> bool:
        """Whether there is a gesture."""
        return any(each.gesture is not None for each in self.heads.values())

    def state(self) -> dict[str, Any]:
        """Returns the state of each head."""
        return {
            "heads": {
                name: HeadState(
                    last.labels,
                    last.scores,
                    self.heads[name].gesture,
                    tuple(self._recent[name]),
                )
                for name, last in self._scores.items()
            }
        }

    def summary(self) -> dict[str, Any]:
        """Returns the averaged scores of each head, and what they mean."""
        several = len(self._scores) > 1
        found = ", ".join(
            f"{name + ' ' if several else ''}{head.label} {head.score:.0%}"
            for name, head in self._scores.items()
        )
        return {
            "found": f"{found} at the end; gestures {self._gestures}",
            "heads": self._scores,
            "gestures": self._gestures,
        }

    def _decide(
        self, act: Callable[[str, GestureDecision], list[GestureEvent]]
    ) -> list[GestureEvent]:
        """Applies a function to each head; notes and returns the events."""
        noted = []
        for name, decision in self.heads.items():
            events = act(name, decision)
            self._recent[name].extend(events)
            noted += events
        self._gestures += sum(event.kind == "start" for event in noted)
        return noted

    def _note_scores(self):
        """Keeps the scores, which a decision forgets when its stream ends."""
        self._scores = {
            name: Scores(decision.labels, decision.scores)
            for name, decision in self.heads.items()
        }
