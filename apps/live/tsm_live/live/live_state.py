"""LiveState: a live run at one moment, for whatever shows it."""

import dataclasses
import enum
from typing import Protocol

import numpy as np

from tsm_live.decision.gestures import GestureEvent


class Command(enum.Enum):
    """What somebody who looks at a live run can ask of it."""

    QUIT = "quit"
    RESET = "reset"
    PAUSE = "pause"  # And go on, when paused.


@dataclasses.dataclass(frozen=True, eq=False)
class LiveState:
    """A live run at one moment.

    Attributes:
        source: Name of the stream.
        frame: `[H, W, 3]` uint8 BGR, as the source gave it.
        time: Of the frame, in seconds since the stream's first.
        labels: The K classes.
        scores: `[K]` float32 probabilities, averaged over the window.
        gesture: The one that goes on; None between gestures.
        events: The latest, oldest first.
        latency: Seconds of the network's last step.
        fps: Frames that the source gives a second, as measured.
        accelerator: What really runs the network.
        processed: Frames that the network saw.
        dropped: Frames that came too late to be seen.
        resets: Times that the caches became zero since the start.
        is_live: Whether frames come when they come, as from a camera, and not
            when they are wanted, as from a file.
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
        """Shows a moment; does not wait for anybody to see it."""

    def poll(self) -> list[Command]:
        """Returns what has been asked since the last poll."""

    def close(self) -> None:
        """Ends; what is written is complete."""
