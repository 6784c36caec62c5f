"""Session: the base class of the streaming sessions of all runtimes.

`BaseSession` is what it has in common with `ClipSession`.
"""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from tsm_live.artifact.quantization import quantize, zero_state
from tsm_live.artifact.spec import TASKS, ArtifactError, ArtifactSpec
from tsm_live.runtimes.network import Network
from tsm_live.sessions.detection_prediction import detections
from tsm_live.sessions.pixels import Pixels
from tsm_live.sessions.prediction import Prediction, predictions
from tsm_live.sessions.taken_frames import AnsweredFrame, TakenFrames

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
        if spec.task not in TASKS:
            # A newer version may give the outputs of a head another meaning.
            raise ArtifactError(
                f"A session needs an artifact with one of the tasks {TASKS}. "
                f"Received: the task {spec.task!r}"
            )
        self.spec = spec
        self._pixels = Pixels(spec)
        self._network = open_network()
        self.accelerator = self._network.accelerator
        self._lock = threading.RLock()

    def _run(
        self,
        squares: Sequence[np.ndarray | None],
        frames: Sequence[AnsweredFrame | None],
        valid: np.ndarray | None = None,
    ) -> list[Any]:
        """Returns the prediction for each of the `frames`.

        A stream whose square is None stands still. `valid` are the values of
        the input `spec.valid`.
        """
        idle = [i for i, square in enumerate(squares) if square is None]
        with self._lock:
            start = time.perf_counter()
            self._pixels.write(squares, self._network.frame())
            if self.spec.valid and valid is not None:
                self._network.valid()[...] = quantize(
                    valid.reshape(self.spec.valid.shape), self.spec.valid
                )
            kept = self._network.read_state() if idle else []
            outputs = self._network.run()
            if idle:
                self._restore(kept, idle)
            latency = time.perf_counter() - start
        task = detections if self.spec.detection else predictions
        return task(self.spec, outputs, latency, frames)

    def _restore(self, state, streams):
        """Sets the caches of some streams to their values in `state`."""
        current = self._network.read_state()
        for cache, value in zip(current, state, strict=True):
            cache[streams] = value[streams]
        self._network.write_state(current)


class Session(BaseSession):
    """Runs a streaming artifact frame by frame and keeps its caches.

    An artifact that looks ahead answers late: the prediction of a frame comes
    `delay` steps after it. `finish` ends a stream and returns the predictions
    that are still due.

    Several threads may call one session, whose calls run one after the other
    in no guaranteed order. See `BaseSession` for the arguments.
    """

    kind = "stream"

    def __init__(self, spec: ArtifactSpec, open_network: Callable[[], Network]):
        super().__init__(spec, open_network)
        self._zeros = [zero_state(cache) for cache in spec.caches]
        self._taken = TakenFrames(spec)

    @property
    def streams(self) -> int:
        """The number of streams."""
        return self.spec.streams

    @property
    def delay(self) -> int:
        """The number of steps by which a prediction is later than its frame."""
        return self.spec.delay

    def step(self, frame: np.ndarray, *, color: str = "rgb") -> Any:
        """Takes the next frame of the only stream.

        Args:
            frame: `[H, W, 3]` uint8 of any size; see `spec.resize_size`.
            color: `"rgb"`, or `"bgr"` as OpenCV reads frames.

        Returns:
            The `Prediction`, or the `DetectionPrediction` of a detector, for
            the frame that was taken `delay` steps ago; None in the first
            `delay` steps of a stream. Without a delay it is that for `frame`,
            and never None.

        Raises:
            ValueError: If the frame is not such an array, or there are several
                streams. The caches do not change then.
        """
        self._expect_single("step")
        (prediction,) = self.step_streams([frame], color=color)
        return prediction

    def step_streams(
        self, frames: Sequence[np.ndarray | None], *, color: str = "rgb"
    ) -> list[Any]:
        """Takes the next frame of some or all streams.

        Args:
            frames: One frame per stream, as for `step`. None leaves the
                stream as it is.
            color: The color order of all frames, as for `step`.

        Returns:
            One prediction per stream, as from `step`; None for a stream
            without a frame.

        Raises:
            ValueError: If a frame is not valid, or there is not one entry per
                stream. No caches change then.
        """
        self._expect_streams(frames)
        squares = [
            None if frame is None else self._pixels.square(frame, color)
            for frame in frames
        ]
        return self._step(squares, [getattr(f, "shape", None) for f in frames])

    def step_squares(self, squares: Sequence[np.ndarray | None]) -> list[Any]:
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
        return self._step(squares, [None] * self.streams)

    def finish(self) -> list[Any]:
        """Ends the only stream; the next frame starts a new one.

        Returns:
            The predictions for its last frames, up to `delay` of them, in
            order.

        Raises:
            ValueError: If there are several streams.
        """
        self._expect_single("finish")
        (predictions,) = self.finish_streams()
        return predictions

    def finish_streams(
        self, streams: Collection[int] | None = None
    ) -> list[list[Any]]:
        """Ends streams; the next frame of each starts a new one.

        Args:
            streams: The numbers of the streams to end; None for all.

        Returns:
            For each stream, the predictions for its last frames, in order. It
            is an empty list for a stream that goes on.

        Raises:
            ValueError: If a number is not that of a stream.
        """
        ended = range(self.streams) if streams is None else streams
        for stream in ended:
            self._expect_stream(stream)
        size = self.spec.image_size
        blank = np.zeros((size, size, 3), np.uint8)
        squares = [blank if i in ended else None for i in range(self.streams)]
        rest: list[list[Any]] = [[] for _ in range(self.streams)]
        with self._lock:
            for step in range(self.delay):
                answers = self._step(squares, after_end=step + 1)
                for found, prediction in zip(rest, answers, strict=True):
                    if prediction is not None:
                        found.append(prediction)
            for stream in ended:
                self.reset(stream)
        return rest

    def reset(self, stream: int | None = None) -> None:
        """Starts one stream or all streams anew, without any memory.

        Args:
            stream: The number of the stream; None for all streams.

        Raises:
            ValueError: If the number is not that of a stream.
        """
        if stream is None:
            with self._lock:
                self._network.write_state(self._zeros)
                self._taken.forget()
            return
        self._expect_stream(stream)
        with self._lock:
            self._restore(self._zeros, [stream])
            self._taken.forget(stream)

    def _expect_stream(self, stream):
        if (
            not isinstance(stream, (int, np.integer))
            or not 0 <= stream < self.streams
        ):
            raise ValueError(
                f"`stream` must be an integer in [0, {self.streams}). "
                f"Received: {stream!r}"
            )

    def _expect_single(self, method):
        if self.streams != 1:
            raise ValueError(
                f"`{method}` needs an artifact for one stream; use "
                f"`{method}_streams`. "
                f"Received: an artifact for {self.streams} streams"
            )

    def _expect_streams(self, frames):
        if len(frames) != self.streams:
            raise ValueError(
                f"There must be {self.streams} entries, a frame or None for "
                f"each stream. Received: {len(frames)}"
            )

    def _step(self, squares, sizes=(), *, after_end=0):
        """Takes frames, or steps after the last frame of ended streams.

        Args:
            squares: One square or None per stream.
            sizes: The shape of each frame before it became a square, or None.
            after_end: The number of steps since the end of the streams, or 0.
        """
        moving = [i for i, square in enumerate(squares) if square is not None]
        if not moving:
            return [None] * len(squares)
        with self._lock:
            if not after_end:
                self._taken.take(sizes, moving)
            valid, frames = self._taken.answered(moving, after_end)
            return self._run(squares, frames, valid)
