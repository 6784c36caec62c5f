"""Session: what every runtime's session does with frames and logits."""

import dataclasses
import functools
import math
import threading
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from tsm_live.artifact.preprocessing import check_frame, fit_frame
from tsm_live.artifact.quantization import as_logits, quantize, zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.network import Network

_COLORS = ("rgb", "bgr")


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """What a frame, and all before it, look like.

    Attributes:
        label: The most probable class.
        score: Its probability, the softmax of this frame's logits.
        labels: The K classes.
        logits: `[K]` float32.
        latency: Seconds the network took; for several streams all together.
    """

    label: str
    score: float
    labels: tuple[str, ...]
    logits: np.ndarray
    latency: float

    @functools.cached_property
    def scores(self) -> np.ndarray:
        """`[K]` float32, the probability of each class."""
        scores = np.exp(self.logits - self.logits.max())
        return scores / scores.sum()

    def top(self, k: int) -> list[tuple[str, float]]:
        """Returns the k most probable classes and their scores."""
        best = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.labels[i], float(self.scores[i])) for i in best]


class Session:
    """Runs a streaming artifact frame by frame; keeps the state of its streams.

    Several threads may call one session: each call does all of its work, or
    waits, before the next one begins, so that no state is ever half-written.
    Which thread comes first is theirs to settle.

    Args:
        spec: Of the artifact.
        open_network: Called once the spec is known to be one of streams.

    Attributes:
        spec: The same.
        accelerator: What really runs the network.

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
        self._network = open_network()
        self._lock = threading.Lock()
        self._zeros = [zero_state(cache) for cache in spec.caches]
        # What each of a pixel's 256 values is as a number of the frame tensor,
        # and each of 256 numbers of the output as a logit.
        self._encoding = quantize(np.arange(256), spec.frame)
        self._is_offset = bool((np.diff(self._encoding) == 1).all())
        self._decoding = None
        if spec.logits.dtype in ("int8", "uint8"):
            numbers = np.arange(256, dtype=np.uint8).view(spec.logits.dtype)
            self._decoding = as_logits(numbers, spec.logits)

    @property
    def streams(self) -> int:
        """How many streams a step takes."""
        return self.spec.streams

    @property
    def accelerator(self) -> str:
        """What really runs the network, e.g. `"cpu"`."""
        return self._network.accelerator

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
        (prediction,) = self._step([_fit(frame, color, self.spec)])
        return prediction

    def step_streams(
        self, frames: Sequence[np.ndarray | None], *, color: str = "rgb"
    ) -> list[Prediction | None]:
        """Takes the next frame of each stream that has one, in one call.

        Args:
            frames: Of stream 0, 1, ...: a frame as for `step`, or None to
                leave this stream as it is.
            color: Of all of them.

        Returns:
            What each looks like; None where there was no frame.

        Raises:
            ValueError: If a frame is anything else, or their number is not
                that of the streams; all states are untouched.
        """
        if len(frames) != self.streams:
            raise ValueError(
                f"`frames` must be {self.streams}, one a stream or None. "
                f"Received: {len(frames)}"
            )
        return self._step(
            [
                None if frame is None else _fit(frame, color, self.spec)
                for frame in frames
            ]
        )

    def reset(self, stream: int | None = None) -> None:
        """Starts a stream, or all of them, anew: every cache becomes zero.

        Args:
            stream: Its number; None for all.

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

    def _step(self, squares):
        idle = [i for i, square in enumerate(squares) if square is None]
        if len(idle) == len(squares):
            return list(squares)
        with self._lock:
            start = time.perf_counter()
            self._write(squares)
            kept = self._network.read_state() if idle else []
            numbers = self._network.run()
            if idle:
                self._restore(kept, idle)
            if self._decoding is None:
                logits = as_logits(numbers, self.spec.logits)
            else:
                logits = self._decoding[numbers.view(np.uint8)]
            latency = time.perf_counter() - start
        return [
            None if square is None else self._predict(row, latency)
            for square, row in zip(squares, logits, strict=True)
        ]

    def _restore(self, state, streams):
        """Gives some streams the state that they have in `state`."""
        current = self._network.read_state()
        for cache, value in zip(current, state, strict=True):
            cache[streams] = value[streams]
        self._network.write_state(current)

    def _write(self, squares):
        """Writes pixels as numbers of the frame tensor."""
        frames = self._network.frame()
        if self.spec.layout == "NCHW":
            frames = frames.transpose(0, 2, 3, 1)
        table = self._encoding.view(np.uint8)
        for square, numbers in zip(squares, frames, strict=True):
            if square is None:
                continue  # What was there before stands in.
            if numbers.dtype == np.float32:
                numbers[...] = square
            elif self._is_offset:  # As in practice: a frame's scale is 1.
                # Bytes wrap around; several times faster than to compute.
                np.add(square, table[0], out=numbers.view(np.uint8))
            else:
                numbers.view(np.uint8)[...] = cv2.LUT(square, table)

    def _predict(self, logits, latency):
        # Of some dozen numbers, Python is faster than NumPy.
        values = logits.tolist()
        highest = max(values)
        label = self.spec.labels[values.index(highest)]
        score = 1 / math.fsum([math.exp(v - highest) for v in values])
        return Prediction(label, score, self.spec.labels, logits, latency)


def _fit(frame, color, spec):
    """Returns the `[S, S, 3]` RGB square of a frame that is one."""
    if color not in _COLORS:
        raise ValueError(
            f"`color` must be one of {_COLORS}. Received: color={color!r}"
        )
    check_frame(frame)
    square = fit_frame(frame, spec.resize_size, spec.image_size)
    # Of the small square rather than of the frame.
    return cv2.cvtColor(square, cv2.COLOR_BGR2RGB) if color == "bgr" else square
