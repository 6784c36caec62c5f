"""Session: what every runtime's session does with frames and logits."""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.network import Network
from tsm_live.sessions.pixels import Pixels
from tsm_live.sessions.prediction import Prediction, predict

__all__ = ["Prediction", "Session"]


class Session:
    """Runs a streaming artifact frame by frame; keeps the state of its streams.

    Several threads may call one session: each call does all of its work, or
    waits, before the next one begins, so that no state is ever half-written.
    The order of the threads is theirs to settle.

    Args:
        spec: The spec of the artifact.
        open_network: Called once the spec is known to be one for streams.

    Attributes:
        spec: The spec of the artifact.
        accelerator: What really runs the network, e.g. `"cpu"`.

    Raises:
        ArtifactError: If the artifact is for clips.
    """

    def __init__(self, spec: ArtifactSpec, open_network: Callable[[], Network]):
        if spec.kind != "stream":
            raise ArtifactError(
                "A session runs streams. Received: an artifact of kind "
                f"{spec.kind!r}"
            )
        self.spec = spec
        self._pixels = Pixels(spec)
        self._network = open_network()
        self.accelerator = self._network.accelerator
        self._lock = threading.Lock()
        self._zeros = [zero_state(cache) for cache in spec.caches]

    @property
    def streams(self) -> int:
        """How many streams a step takes."""
        return self.spec.streams

    def step(self, frame: np.ndarray, *, color: str = "rgb") -> Prediction:
        """Takes the next frame of the only stream.

        Args:
            frame: `[H, W, 3]` uint8 of any size; see `spec.resize_size`.
            color: `"rgb"`, or `"bgr"` as OpenCV reads frames.

        Raises:
            ValueError: If the frame is anything else, or there are several
                streams; the state is untouched.
        """
        if self.streams != 1:
            raise ValueError(
                "`step` takes the frame of one stream; `step_streams` takes "
                f"one of each. Received: an artifact for {self.streams}"
            )
        (prediction,) = self._step([self._pixels.square(frame, color)])
        return prediction

    def step_streams(
        self, frames: Sequence[np.ndarray | None], *, color: str = "rgb"
    ) -> list[Prediction | None]:
        """Takes the next frame of each stream that has one, in one call.

        Args:
            frames: For each stream a frame as for `step`, or None to leave
                the stream as it is.
            color: The color order of all frames.

        Returns:
            For each stream its prediction, or None where there was no frame.

        Raises:
            ValueError: If a frame is anything else, or there are more or fewer
                frames than streams; all states are untouched.
        """
        self._expect_streams(frames)
        return self._step(
            [
                None if frame is None else self._pixels.square(frame, color)
                for frame in frames
            ]
        )

    def step_squares(
        self, squares: Sequence[np.ndarray | None]
    ) -> list[Prediction | None]:
        """As `step_streams`, of frames that already have the network's size.

        Args:
            squares: For each stream `[S, S, 3]` uint8 RGB, or None.

        Raises:
            ValueError: As `step_streams`.
        """
        self._expect_streams(squares)
        for square in squares:
            if square is not None:
                self._pixels.check_square(square)
        return self._step(squares)

    def reset(self, stream: int | None = None) -> None:
        """Starts a stream, or all of them, anew: its caches become zero.

        Args:
            stream: The number of the stream; None for all streams.

        Raises:
            ValueError: If there is no such stream.
        """
        if stream is None:
            with self._lock:
                self._network.write_state(self._zeros)
            return
        if (
            not isinstance(stream, (int, np.integer))
            or not 0 <= stream < self.streams
        ):
            raise ValueError(
                f"`stream` must be an integer in [0, {self.streams}). "
                f"Received: {stream!r}"
            )
        with self._lock:
            self._restore(self._zeros, [stream])

    def _expect_streams(self, frames):
        if len(frames) != self.streams:
            raise ValueError(
                f"There must be {self.streams} frames, one per stream, or "
                f"None for a stream without one. Received: {len(frames)}"
            )

    def _step(self, squares):
        idle = [i for i, square in enumerate(squares) if square is None]
        if len(idle) == len(squares):
            return list(squares)
        with self._lock:
            start = time.perf_counter()
            self._pixels.write(squares, self._network.frame())
            kept = self._network.read_state() if idle else []
            numbers = self._network.run()
            if idle:
                self._restore(kept, idle)
            logits = self._pixels.logits(numbers)
            latency = time.perf_counter() - start
        labels = self.spec.labels
        return [
            None if square is None else predict(labels, row, latency)
            for square, row in zip(squares, logits, strict=True)
        ]

    def _restore(self, state, streams):
        """Gives some streams the state that they have in `state`."""
        current = self._network.read_state()
        for cache, value in zip(current, state, strict=True):
            cache[streams] = value[streams]
        self._network.write_state(current)
