"""LiveState: one moment of a live run, as views show it."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from tsm_live.decision.head_decisions import HeadState
from tsm_live.decision.object_decision import ObjectState
from tsm_live.sessions.prediction import of_only_head

__all__ = ["Command", "HeadState", "LiveState", "View"]


class Command(enum.Enum):
    """A request from somebody who watches a live run."""

    QUIT = "quit"
    RESET = "reset"
    PAUSE = "pause"  # A paused run goes on.


@dataclasses.dataclass(frozen=True, eq=False)
class LiveState:
    """One moment of one source of a live run.

    If one head decides, then `labels`, `scores`, `gesture`, `events` and `top`
    are those of this head.

    Attributes:
        source: The title of the source, without credentials.
        frame: The frame from the source, `[H, W, 3]` uint8 BGR.
        time: Seconds since the first frame of the source.
        heads: The state of each head that decides, by its name; empty for a
            detector.
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
        objects: The objects in the frame; None unless the artifact is a
            detector.
    """

    source: str
    frame: np.ndarray
    time: float
    heads: Mapping[str, HeadState]
    latency: float
    fps: float
    accelerator: str
    processed: int
    dropped: int
    resets: int
    is_live: bool
    is_webcam: bool = False
    objects: ObjectState | None = None

    labels = of_only_head("labels")
    scores = of_only_head("scores")
    gesture = of_only_head("gesture")
    events = of_only_head("events")
    top = of_only_head("top")


class View(Protocol):
    """A view of a live run: a window, a web page or a video file."""

    def show(self, state: LiveState) -> None:
        """Shows a state, without waiting until it has been seen."""

    def poll(self) -> list[Command]:
        """Returns the commands since the last poll."""

    def close(self) -> None:
        """Closes the view and completes the files that it writes."""
