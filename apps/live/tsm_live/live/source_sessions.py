"""SourceSessions: runs any number of sources with one artifact."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tsm_live.sessions.base_session import Session
from tsm_live.sessions.open_session import open_session


class SourceSessions:
    """Runs any number of sources, each with a state of its own.

    A session of an artifact for N streams runs N sources in one call. More
    sources need more sessions.

    Args:
        sessions: Sessions of the same artifact.

    Attributes:
        spec: The spec of the artifact.
        accelerator: The accelerator that the network runs on.
    """

    def __init__(self, sessions: list[Session]):
        self._sessions = sessions
        self.spec = sessions[0].spec
        self.accelerator = sessions[0].accelerator

    def step(self, frames: Mapping[int, np.ndarray]) -> dict[int, Any]:
        """Takes the next frames of some sources; the others keep their state.

        Args:
            frames: A `[H, W, 3]` uint8 BGR frame of any size for each number
                of a source.

        Returns:
            The predictions by the number of the source. An artifact that looks
            ahead has none for a source whose stream has just begun.

        Raises:
            ValueError: If a frame is not such an array.
        """
        streams = self.spec.streams
        predictions = {}
        for number, session in enumerate(self._sessions):
            numbers = range(number * streams, (number + 1) * streams)
            found = session.step_streams(
                [frames.get(n) for n in numbers], color="bgr"
            )
            for n, prediction in zip(numbers, found, strict=True):
                if prediction is not None:
                    predictions[n] = prediction
        return predictions

    def reset(self, source: int) -> None:
        """Starts the stream of a source anew."""
        session, stream = divmod(source, self.spec.streams)
        self._sessions[session].reset(stream)

    def finish(self, source: int) -> list[Any]:
        """Ends the stream of a source; its next frame starts a new one.

        Returns:
            The predictions that the stream still owes, in the order of its
            frames; none unless the artifact looks ahead.
        """
        session, stream = divmod(source, self.spec.streams)
        return self._sessions[session].finish_streams([stream])[stream]


def open_sessions(
    path: str | os.PathLike,
    sources: int,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    isolated: bool = False,
) -> SourceSessions:
    """Opens enough sessions of an artifact; see `open_session`."""

    def session():
        return open_session(
            path, accelerator=accelerator, threads=threads, isolated=isolated
        )

    first = session()
    more = -(-sources // first.spec.streams) - 1
    return SourceSessions([first, *(session() for _ in range(more))])
