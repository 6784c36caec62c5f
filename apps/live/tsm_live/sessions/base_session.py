"""Session: the base class of the streaming sessions of all runtimes.

`BaseSession` is what it has in common with `ClipSession`.
"""

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


class BaseSession:
    """Runs an artifact, and several threads one after the other.

    Args:
        spec: The spec of the artifact.
        open_network: A function that opens the network. It is called after the
            spec has been checked.

    Attributes:
        kind: The kind of artifacts that the class runs.
        spec: The spec of the artifact.
        accelerator: The accelerator that runs the network, e.g. `"cpu"`.

    Raises:
        ArtifactError: If the artifact is of another kind or has no head.
    """

    kind: str

    def __init__(self, spec: ArtifactSpec, open_network: Callable[[], Network]):
        if spec.kind != self.kind:
            raise ArtifactError(
                f"`{type(self).__name__}` needs an artifact of kind "
                f"{self.kind!r}. Received: an artifact of kind {spec.kind!r}"
            )
        if not spec.heads:
            raise ArtifactError(
                "A session needs an artifact with at least one classification. "
                f"Received: the task {spec.task!r}"
            )
        self.spec = spec
        self._pixels = Pixels(spec)
        self._network = open_network()
        self.accelerator = self._network.accelerator
        self._lock = threading.Lock()

    def _run(self, squares: Sequence[np.ndarray | None]) -> list[Prediction]:
        """Returns the prediction for each stream, or for the only clip.

        A stream whose square is None stands still, and its prediction has no
        meaning.
        """
        idle = [i for i, square in enumerate(squares) if square is None]
        with self._lock:
            start = time.perf_counter()
            self._pixels.write(squares, self._network.frame())
            kept = self._network.read_state() if idle else []
            outputs = self._network.run()
            if idle:
                self._restore(kept, idle)
            latency = time.perf_counter() - start
        return predict(self.spec, outputs, latency)

    def _restore(self, state, streams):
        """Sets the caches of some streams to their values in `state`."""
        current = self._network.read_state()
        for cache, value in zip(current, state, strict=True):
            cache[streams] = value[streams]
        self._network.write_state(current)


class Session(BaseSession):
    """Runs a streaming artifact frame by frame and keeps its caches.

    Several threads may call one session. Their calls run one after the other,
    but in no guaranteed order. See `BaseSession` for the arguments.
    """

    kind = "stream"

    def __init__(self, spec: ArtifactSpec, open_network: Callable[[], Network]):
        super().__init__(spec, open_network)
        self._zeros = [zero_state(cache) for cache in spec.caches]

    @property
    def streams(self) -> int:
        """The number of streams."""
        return self.spec.streams

    def step(self, frame: np.ndarray, *, color: str = "rgb") -> Prediction:
        """Takes the next frame of the only stream.

        Args:
            frame: `[H, W, 3]` uint8 of any size; see `spec.resize_size`.
            color: `"rgb"`, or `"bgr"` as OpenCV reads frames.

        Raises:
            ValueError: If the frame is not such an array, or there are several
                streams. The caches do not change then.
        """
        if self.streams != 1:
            raise ValueError(
                "`step` needs an artifact for one stream; use `step_streams`. "
                f"Received: an artifact for {self.streams} streams"
            )
        (prediction,) = self._step([self._pixels.square(frame, color)])
        return prediction

    def step_streams(
        self, frames: Sequence[np.ndarray | None], *, color: str = "rgb"
    ) -> list[Prediction | None]:
        """Takes the next frame of some or all streams.

        Args:
            frames: One frame per stream, as for `step`. None leaves the
                stream as it is.
            color: The color order of all frames, as for `step`.

        Returns:
            One prediction per stream; None for a stream without a frame.

        Raises:
            ValueError: If a frame is not valid, or there is not one entry per
                stream. No caches change then.
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
        """Does what `step_streams` does, for frames of the network's size.

        Args:
            squares: One `[S, S, 3]` uint8 RGB frame or None per stream.

        Raises:
            ValueError: If a frame is not valid, or there is not one entry per
                stream.
        """
        self._expect_streams(squares)
        for square in squares:
            if square is not None:
                self._pixels.check_square(square)
        return self._step(squares)

    def reset(self, stream: int | None = None) -> None:
        """Sets the caches of one stream or of all streams to zero.

        Args:
            stream: The number of the stream; None for all streams.

        Raises:
            ValueError: If the number is not that of a stream.
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
                f"There must be {self.streams} entries, a frame or None for "
                f"each stream. Received: {len(frames)}"
            )

    def _step(self, squares):
        if all(square is None for square in squares):
            return list(squares)
        return [
            None if square is None else prediction
            for square, prediction in zip(
                squares, self._run(squares), strict=True
            )
        ]
