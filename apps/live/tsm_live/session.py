"""StreamingSession: runs a streaming artifact frame by frame."""

import dataclasses
import os
import time

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tsm_live.preprocessing import fit_frame
from tsm_live.quantization import as_logits, quantize, zero_state
from tsm_live.spec import ArtifactError, TensorSpec, read_spec

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


class StreamingSession:
    """Runs a streaming `.tflite` artifact on the CPU; keeps its caches.

    Example:
    >>> session = StreamingSession("gestures.tflite")
    >>> prediction = session.step(frame)  # RGB, any size
    >>> print(prediction.label, prediction.score)

    Args:
        path: An artifact of `tsm export`, for one stream.
        threads: Of the interpreter.

    Attributes:
        spec: The artifact's `ArtifactSpec`.

    Raises:
        FileNotFoundError: If there is no such file.
        ArtifactError: If the file is no artifact, or its tensors are not those
            that its spec describes.
    """

    def __init__(self, path: str | os.PathLike, *, threads: int = 1):
        self.spec = read_spec(path)
        if self.spec.kind != "stream" or self.spec.streams != 1:
            raise ArtifactError(
                "A session runs one stream. Received: an artifact of kind "
                f"{self.spec.kind!r} for {self.spec.frame.shape[0]} frames"
            )
        try:
            self._interpreter = Interpreter(
                model_path=os.fspath(path), num_threads=threads
            )
            self._interpreter.allocate_tensors()
            runner = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise ArtifactError(
                f"LiteRT cannot load {os.fspath(path)}: {error}"
            ) from error
        # Tensors are addressed by the signature's names: TFLite does not keep
        # the order they were declared in.
        inputs = runner.get_input_details()
        outputs = runner.get_output_details()
        self._frame = _index(inputs, self.spec.frame)
        self._logits = _index(outputs, self.spec.logits)
        # Views of the memory of each cache's input and output, which are asked
        # for anew at each use, and its zero state.
        self._caches = [
            (
                self._interpreter.tensor(_index(inputs, cache)),
                self._interpreter.tensor(
                    _index(
                        outputs,
                        dataclasses.replace(cache, name=f"{cache.name}_out"),
                    )
                ),
                zero_state(cache),
            )
            for cache in self.spec.caches
        ]
        # What each of a pixel's 256 values is as a number of the frame tensor.
        self._encoding = quantize(np.arange(256), self.spec.frame)
        self.reset()

    def step(self, frame: np.ndarray, *, color: str = "rgb") -> Prediction:
        """Takes the next frame of the stream.

        Args:
            frame: `[H, W, 3]` uint8 of any size; see `spec.resize_size`.
            color: `"rgb"`, or `"bgr"` as OpenCV reads frames.

        Raises:
            ValueError: If the frame is anything else; the state is untouched.
        """
        frame = _checked(frame, color)
        square = fit_frame(
            frame, self.spec.resize_size, self.spec.frame.shape[1]
        )
        start = time.perf_counter()
        logits = self._run(self._encode(square)[None])
        latency = time.perf_counter() - start
        scores = np.exp(logits - logits.max())
        best = int(logits.argmax())
        return Prediction(
            label=self.spec.labels[best],
            score=float(scores[best] / scores.sum()),
            logits=logits,
            latency=latency,
        )

    def reset(self) -> None:
        """Starts the stream anew: every cache becomes zero."""
        for cache, _, zero in self._caches:
            cache()[...] = zero

    def _encode(self, square):
        dtype = self._encoding.dtype
        if dtype == np.float32:
            return square.astype(np.float32)
        # OpenCV looks bytes up in bytes: many times faster than arithmetic.
        return cv2.LUT(square, self._encoding.view(np.uint8)).view(dtype)

    def _run(self, frame):
        interpreter = self._interpreter
        interpreter.set_tensor(self._frame, frame)
        interpreter.invoke()
        for cache, fresh, _ in self._caches:
            cache()[...] = fresh()
        logits = interpreter.get_tensor(self._logits)[0]
        return as_logits(logits, self.spec.logits)


def _index(details, spec):
    """Returns a tensor's index, once it is what the spec says it is."""
    found = details.get(spec.name)
    if found is None:
        raise ArtifactError(
            f"The model has no tensor {spec.name!r} in its signature. "
            f"Received: {sorted(details)}"
        )
    scale, zero_point = found["quantization"]
    actual = TensorSpec(
        name=spec.name,
        shape=tuple(map(int, found["shape"])),
        dtype=np.dtype(found["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
    if actual != spec:
        raise ArtifactError(
            f"A tensor is not what the embedded spec says. Expected: {spec}. "
            f"Received: {actual}"
        )
    return found["index"]


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
