"""LiveState: one moment of a live run, as views show it."""

import dataclasses
import enum
from typing import Protocol

import numpy as np

from tsm_live.decision.gestures import GestureEvent


class Command(enum.Enum):
    """A request of somebody who watches a live run."""

    QUIT = "quit"
    RESET = "reset"
    PAUSE = "pause"  # Or go on, while it is paused.


@dataclasses.dataclass(frozen=True, eq=False)
class LiveState:
    """One moment of one source of a live run.

    Attributes:
        source: The title of the source, without credentials.
        frame: `[H, W, 3]` uint8 BGR, as the source gave it.
        time: Seconds since the first frame of the source.
        labels: The K classes.
        scores: `[K]` float32 probabilities, averaged over the window.
        gesture: The gesture that goes on; None between gestures.
        events: The latest events, oldest first.
        latency: The seconds that the last step of the network took.
        fps: The frames per second that the source really gives.
        accelerator: The accelerator that the network really runs on.
        processed: The number of frames that the network saw.
        dropped: The number of frames that were dropped because a newer one
            had come.
        resets: How many times the caches became zero since the start.
        is_live: Whether frames come at their own time, as from a camera,
            rather than when they are asked for, as from a file.
        is_webcam: Whether it is a camera of this machine, in which people
            expect to see themselves as in a mirror.
    """

    source: str
    frame: np.ndarray
    time: float
    labels: tuple[str, ...]
    scores: np.ndarray
    gesture: str | None
    events: tuple[GestureEvent, ...]
    latency: float
    fps: float
    accelerator: str
    processed: int
    dropped: int
    resets: int
    is_live: bool
    is_webcam: bool = False

    def top(self, k: int) -> list[tuple[str, float]]:
        """Returns the k most probable classes and their scores."""
        best = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.labels[i], float(self.scores[i])) for i in best]


class View(Protocol):
    """Shows a live run: a window, a browser, a file."""

    def show(self, state: LiveState) -> None:
        """Shows a moment, without waiting for anybody to see it."""

    def poll(self) -> list[Command]:
        """Returns the commands that came since the last poll."""

    def close(self) -> None:
        """Closes the view and completes the files that it writes."""
