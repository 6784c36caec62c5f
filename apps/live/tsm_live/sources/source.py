"""Source: where frames come from, and what can go wrong there."""

from typing import NamedTuple, Protocol

import numpy as np


class SourceError(OSError):
    """A source that cannot be read."""


class TimedFrame(NamedTuple):
    """A frame and when it is.

    Attributes:
        image: `[H, W, 3]` uint8 BGR.
        time: Seconds since the first frame of the source.
    """

    image: np.ndarray
    time: float


class Source(Protocol):
    """Frames in the order in which they are taken.

    Attributes:
        name: What the user calls it.
        is_live: Whether frames come when they come, so that who is late has
            missed some.
        is_webcam: As in `LiveState`.
        fps: Frames a second, as far as is known beforehand; 0 if it is not.
    """

    name: str
    is_live: bool
    is_webcam: bool
    fps: float

    def read(self) -> TimedFrame | None:
        """Waits for the next frame; None when there will be none.

        Raises:
            SourceError: If there cannot be one.
        """

    def stop(self) -> None:
        """Makes a `read` that waits in another thread return None soon."""

    def close(self) -> None:
        """Lets go of the device or the file, when none reads any more."""
