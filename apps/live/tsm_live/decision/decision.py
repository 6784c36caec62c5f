"""Decision: turns the predictions of one source into events.

There is one decision per task: `HeadDecisions` finds gestures in the scores of
a classification, `ObjectDecision` follows the objects of a detection.
"""

from collections.abc import Sequence
from typing import Any, Protocol


class Event(Protocol):
    """Something that a live run reports, such as the start of a gesture."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the event as an object for JSON, with rounded numbers."""


class Decision(Protocol):
    """Decides what happens in one source of a live run."""

    def update(self, time: float, prediction: Any) -> Sequence[Event]:
        """Takes the prediction for the next frame; returns the events at it.

        Args:
            time: The time of the frame in seconds. It never goes back.
            prediction: What the session returned for the frame.
        """

    def end(self, time: float) -> Sequence[Event]:
        """Ends all that goes on, and forgets the stream.

        Args:
            time: The time of the end, if it is later than the last frame.

        Returns:
            The events at the end.
        """

    @property
    def is_active(self) -> bool:
        """Whether something goes on, such as a gesture, that may end."""

    def state(self) -> dict[str, Any]:
        """Returns the fields of `LiveState` that the decision fills."""

    def summary(self) -> dict[str, Any]:
        """Returns the fields of `Summary` that the decision fills."""
