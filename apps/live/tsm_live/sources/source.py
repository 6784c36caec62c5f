"""Source: the interface of everything that gives frames, and its error."""

from typing import NamedTuple, Protocol

import numpy as np


class SourceError(OSError):
    """A source cannot be read."""


class TimedFrame(NamedTuple):
    """A frame and its time.

    Attributes:
        image: `[H, W, 3]` uint8 BGR.
        time: Seconds since the first frame of the source.
    """

    image: np.ndarray
    time: float


class Source(Protocol):
    """A source that gives frames in the order of their times.

    Attributes:
        name: The title of the source, without credentials.
        is_live: Whether the source sends frames in real time, like a camera,
            and does not wait until they are read, like a file.
        is_webcam: Whether the source is a camera of this machine.
        fps: The frames per second, or 0 if they are not known in advance.
    """

    name: str
    is_live: bool
    is_webcam: bool
    fps: float

    def read(self) -> TimedFrame | None:
        """Waits for the next frame; returns None after the last.

        Raises:
            SourceError: If the source cannot be read.
        """

    def stop(self) -> None:
        """Makes a `read` in another thread return None soon."""

    def close(self) -> None:
        """Releases the device or the file. No `read` may be running."""
