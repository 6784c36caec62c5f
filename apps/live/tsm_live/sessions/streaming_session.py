"""StreamingSession: runs a streaming `.tflite` artifact frame by frame."""

import logging
import os

from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes.interpreter_network import InterpreterNetwork
from tsm_live.runtimes.network import Network
from tsm_live.sessions.base_session import Prediction, Session

__all__ = ["ACCELERATORS", "Prediction", "StreamingSession"]

ACCELERATORS = ("cpu", "gpu", "auto")


class StreamingSession(Session):
    """Runs a streaming `.tflite` artifact in LiteRT; keeps its caches.

    Example:
    >>> session = StreamingSession("gestures.tflite")
    >>> prediction = session.step(frame)  # RGB, any size
    >>> print(prediction.label, prediction.score)

    Args:
        path: An artifact of `tsm export`.
        accelerator: `"cpu"`; `"gpu"`, with nothing left to the CPU; or
            `"auto"`, the GPU where it takes the whole network, else the CPU.
            A GPU is first tried in a process of its own, which takes seconds.
        threads: On the CPU.

    Attributes:
        spec: The artifact's `ArtifactSpec`.
        accelerator: What really runs it: `"cpu"` or `"gpu"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If `accelerator` or `threads` is none of the above.
        ArtifactError: If the file is no artifact, or its tensors are not those
            that its spec describes.
        AcceleratorError: If `accelerator` is `"gpu"` and there is none, or it
            leaves out a part.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        accelerator: str = "cpu",
        threads: int = 1,
    ):
        if accelerator not in ACCELERATORS:
            raise ValueError(
                f"`accelerator` must be one of {ACCELERATORS}. "
                f"Received: accelerator={accelerator!r}"
            )
        spec = read_spec(path)
        if spec.layout != "NHWC":
            raise ArtifactError(
                "LiteRT runs .tflite files; for .onnx there is `OnnxSession`. "
                f"Received: {os.fspath(path)}"
            )
        super().__init__(
            spec, lambda: _open_network(path, spec, accelerator, threads)
        )


def _open_network(path, spec, accelerator, threads) -> Network:
    if accelerator != "cpu":
        # Its libraries are loaded where they are wanted.
        from tsm_live.runtimes.gpu_network import (
            AcceleratorError,
            GpuNetwork,
            try_gpu,
        )

        try:
            try_gpu(path)
            return GpuNetwork(path, spec)
        except AcceleratorError as error:
            if accelerator == "gpu":
                raise
            logging.getLogger(__name__).info("On the CPU: %s", error)
    return InterpreterNetwork(path, spec, threads=threads)
