"""StreamingSession: runs a streaming `.tflite` artifact frame by frame."""

import dataclasses
import os

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tsm_live.base_session import Prediction, Session
from tsm_live.quantization import zero_state
from tsm_live.spec import ArtifactError, TensorSpec, read_spec

__all__ = ["Prediction", "StreamingSession"]


class StreamingSession(Session):
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
        super().__init__(read_spec(path))
        if self.spec.layout != "NHWC":
            raise ArtifactError(
                "LiteRT runs .tflite files; for .onnx there is `OnnxSession`. "
                f"Received: {os.fspath(path)}"
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
        self.reset()

    def reset(self) -> None:
        """Starts the stream anew: every cache becomes zero."""
        for cache, _, zero in self._caches:
            cache()[...] = zero

    def _run(self, frame):
        interpreter = self._interpreter
        interpreter.set_tensor(self._frame, frame)
        interpreter.invoke()
        for cache, fresh, _ in self._caches:
            cache()[...] = fresh()
        return interpreter.get_tensor(self._logits)[0]


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
