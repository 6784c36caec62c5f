"""SourceSessions: runs any number of sources with one artifact."""

import os
from collections.abc import Mapping

import numpy as np

from tsm_live.sessions.base_session import Prediction, Session
from tsm_live.sessions.open_session import open_session


class SourceSessions:
    """Runs any number of sources, each with a state of its own.

    An artifact for S streams takes S sources in one call. For more sources
    there are several sessions of it.

    Args:
        sessions: Sessions of the same artifact.

    Attributes:
        spec: The specification of the artifact.
        accelerator: The accelerator that the network really runs on.
    """

    def __init__(self, sessions: list[Session]):
        self._sessions = sessions
        self.spec = sessions[0].spec
        self.accelerator = sessions[0].accelerator

    def step(self, frames: Mapping[int, np.ndarray]) -> dict[int, Prediction]:
        """Takes the next frames of some sources; the others keep their state.

        Args:
            frames: `[H, W, 3]` uint8 BGR of any size, by the number of the
                source.

        Raises:
            ValueError: If a frame is anything else.
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


def open_sessions(
    path: str | os.PathLike,
    sources: int,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    isolated: bool = False,
) -> SourceSessions:
    """Opens an artifact for several sources, as `open_session` for one."""

    def session():
        return open_session(
            path, accelerator=accelerator, threads=threads, isolated=isolated
        )

    first = session()
    more = -(-sources // first.spec.streams) - 1
    return SourceSessions([first, *(session() for _ in range(more))])
