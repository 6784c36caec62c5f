"""Source: where frames come from, and what can go wrong there."""

from typing import NamedTuple, Protocol

import numpy as np


class SourceError(OSError):
    """A source that cannot be read."""


class TimedFrame(NamedTuple):
    """A frame and its time.

    Attributes:
        image: `[H, W, 3]` uint8 BGR.
        time: Seconds since the first frame of the source.
    """

    image: np.ndarray
    time: float


class Source(Protocol):
    """Frames in the order in which they were taken.

    Attributes:
        name: The title of the source, without credentials. It may be shown.
        is_live: Whether frames come at their own time, so that a reader who
            is late has missed some.
        is_webcam: As in `LiveState`.
        fps: Frames per second as far as it is known beforehand, otherwise 0.
    """

    name: str
    is_live: bool
    is_webcam: bool
    fps: float

    def read(self) -> TimedFrame | None:
        """Waits for the next frame; returns None when no more will come.

        Raises:
            SourceError: If the source cannot be read.
        """

    def stop(self) -> None:
        """Makes a `read` that waits in another thread return None soon."""

    def close(self) -> None:
        """Lets go of the device or the file, once nobody reads it any more."""
