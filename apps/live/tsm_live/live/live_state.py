"""LiveState: one moment of a live run, as views show it."""

import dataclasses
import enum
from typing import Protocol

import numpy as np

from tsm_live.decision.gestures import GestureEvent


class Command(enum.Enum):
    """A request from somebody who watches a live run."""

    QUIT = "quit"
    RESET = "reset"
    PAUSE = "pause"  # A paused run goes on.


@dataclasses.dataclass(frozen=True, eq=False)
class LiveState:
    """One moment of one source of a live run.

    Attributes:
        source: The title of the source, without credentials.
        frame: The frame from the source, `[H, W, 3]` uint8 BGR.
        time: Seconds since the first frame of the source.
        labels: The K classes.
        scores: `[K]` float32 probabilities, from the averaged logits.
        gesture: The current gesture, or None.
        events: The latest events, oldest first.
        latency: The seconds that the last step of the network took.
        fps: The frames per second of the source.
        accelerator: The accelerator that the network runs on.
        processed: The number of frames that the network saw.
        dropped: The number of frames that were dropped because a newer frame
            had arrived.
        resets: The number of times that the caches were set to zero.
        is_live: Whether the source sends frames in real time, like a camera,
            and does not wait until they are read, like a file.
        is_webcam: Whether the source is a camera of this machine. Views show
            its frames mirrored.
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
    """A view of a live run: a window, a web page or a video file."""

    def show(self, state: LiveState) -> None:
        """Shows a state, without waiting until it has been seen."""

    def poll(self) -> list[Command]:
        """Returns the commands since the last poll."""

    def close(self) -> None:
        """Closes the view and completes the files that it writes."""
