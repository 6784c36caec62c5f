"""Session: what every runtime's session does with frames and logits."""

import abc
import dataclasses
import time

import cv2
import numpy as np

from tsm_live.preprocessing import fit_frame
from tsm_live.quantization import as_logits, quantize
from tsm_live.spec import ArtifactError, ArtifactSpec

_COLORS = ("rgb", "bgr")


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a frame, and all before it, look like.

    Attributes:
        label: The most probable class.
        score: Its probability, the softmax of this frame's logits.
        logits: `[num_classes]` float32.
        latency: Seconds the network took.
    """

    label: str
    score: float
    logits: np.ndarray
    latency: float


class Session(abc.ABC):
    """Runs a streaming artifact frame by frame; keeps its caches.

    A runtime's own session says how: `reset` and `_run`.

    Args:
        spec: Of an artifact for one stream.

    Attributes:
        spec: The same.

    Raises:
        ArtifactError: If the artifact is for clips or for several streams.
    """

    def __init__(self, spec: ArtifactSpec):
        if spec.kind != "stream" or spec.streams != 1:
            raise ArtifactError(
                "A session runs one stream. Received: an artifact of kind "
                f"{spec.kind!r} for {spec.frame.shape[0]} frames"
            )
        self.spec = spec
        # What each of a pixel's 256 values is as a number of the frame tensor.
        self._encoding = quantize(np.arange(256), spec.frame)

    def step(self, frame: np.ndarray, *, color: str = "rgb") -> Prediction:
        """Takes the next frame of the stream.

        Args:
            frame: `[H, W, 3]` uint8 of any size; see `spec.resize_size`.
            color: `"rgb"`, or `"bgr"` as OpenCV reads frames.

        Raises:
            ValueError: If the frame is anything else; the state is untouched.
        """
        frame = _checked(frame, color)
        square = fit_frame(frame, self.spec.resize_size, self.spec.image_size)
        start = time.perf_counter()
        numbers = self._run(self._encode(square)[None])
        logits = as_logits(numbers, self.spec.logits)
        latency = time.perf_counter() - start
        scores = np.exp(logits - logits.max())
        best = int(logits.argmax())
        return Prediction(
            label=self.spec.labels[best],
            score=float(scores[best] / scores.sum()),
            logits=logits,
            latency=latency,
        )

    @abc.abstractmethod
    def reset(self) -> None:
        """Starts the stream anew: every cache becomes zero."""

    @abc.abstractmethod
    def _run(self, frame: np.ndarray) -> np.ndarray:
        """Takes `[1, S, S, 3]` numbers of the frame tensor; returns logits.

        These are `[num_classes]` numbers of the logits tensor.
        """

    def _encode(self, square):
        dtype = self._encoding.dtype
        if dtype == np.float32:
            return square.astype(np.float32)
        # OpenCV looks bytes up in bytes: many times faster than arithmetic.
        return cv2.LUT(square, self._encoding.view(np.uint8)).view(dtype)


def _checked(frame, color):
    if color not in _COLORS:
        raise ValueError(
            f"`color` must be one of {_COLORS}. Received: color={color!r}"
        )
    frame = np.asarray(frame)
    if (
        frame.ndim != 3
        or frame.shape[2] != 3
        or 0 in frame.shape
        or frame.dtype != np.uint8
    ):
        raise ValueError(
            "`frame` must be a [H, W, 3] uint8 array. "
            f"Received: shape {frame.shape}, dtype {frame.dtype}"
        )
    return frame[..., ::-1] if color == "bgr" else frame
