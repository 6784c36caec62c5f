"""open_network: one network for the streams of N sources."""

import os
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from tsm_live.any_session import open_session
from tsm_live.base_session import Prediction, Session
from tsm_live.spec import ArtifactSpec


class Network(Protocol):
    """Runs the streams of several sources, each with a state of its own.

    Attributes:
        spec: Of the artifact.
        accelerator: What really runs it.
    """

    spec: ArtifactSpec
    accelerator: str

    def step(self, frames: Mapping[int, np.ndarray]) -> dict[int, Prediction]:
        """Takes the next frames of some streams; the others stand still."""

    def reset(self, stream: int) -> None:
        """Starts a stream anew."""


class SeparateSessions:
    """A session for each source, one after the other.

    Args:
        sessions: Of one artifact.
    """

    def __init__(self, sessions: list[Session]):
        self._sessions = sessions
        self.spec = sessions[0].spec
        self.accelerator = getattr(sessions[0], "accelerator", "cpu")

    def step(self, frames: Mapping[int, np.ndarray]) -> dict[int, Prediction]:
        """Takes the next frames of some streams; the others stand still.

        Args:
            frames: `[H, W, 3]` uint8 BGR of any size, by stream.
        """
        return {
            stream: self._sessions[stream].step(frame, color="bgr")
            for stream, frame in frames.items()
        }

    def reset(self, stream: int) -> None:
        """Starts a stream anew."""
        self._sessions[stream].reset()


def open_network(
    path: str | os.PathLike, sources: int, *, threads: int = 1
) -> Network:
    """Opens an artifact for so many sources.

    Raises:
        FileNotFoundError, ImportError, ArtifactError: As `open_session` does.
    """
    return SeparateSessions(
        [open_session(path, threads=threads) for _ in range(sources)]
    )
