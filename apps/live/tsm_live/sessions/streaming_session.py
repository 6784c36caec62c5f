"""StreamingSession: runs a streaming `.tflite` artifact frame by frame."""

import os

from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes.open_network import ACCELERATORS, open_network
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.prediction import Prediction

__all__ = ["ACCELERATORS", "Prediction", "StreamingSession"]


class StreamingSession(Session):
    """Runs a streaming `.tflite` artifact in LiteRT; keeps its caches.

    Example:
    >>> session = StreamingSession("gestures.tflite")
    >>> prediction = session.step(frame)  # RGB, any size
    >>> print(prediction.label, prediction.score)

    Args:
        path: An artifact of `tsm export`.
        accelerator: `"cpu"`; `"gpu"`, with nothing left to the CPU; or
            `"auto"`: the GPU if it takes the whole network, else the CPU. A
            model is first tried on the GPU in a process of its own, which
            takes seconds.
        threads: Threads on the CPU.
        isolated: As for `open_session`.

    Attributes:
        spec: The artifact's `ArtifactSpec`.
        accelerator: What really runs the network: `"cpu"` or `"gpu"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If `accelerator` or `threads` is none of the above.
        ArtifactError: If the file is not a `.tflite` artifact, LiteRT refuses
            it, or its tensors are not those that its spec describes.
        AcceleratorError: If `accelerator` is `"gpu"` and there is no GPU, or
            it does not take the whole network.
        SessionError: If the process of an isolated session died.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        accelerator: str = "cpu",
        threads: int = 1,
        isolated: bool = False,
    ):
        spec, model = load_artifact(path)
        if spec.layout != "NHWC":
            raise ArtifactError(
                "LiteRT runs .tflite files; `OnnxSession` runs .onnx files. "
                f"Received: {os.fspath(path)}"
            )
        super().__init__(
            spec,
            lambda: open_network(
                path,
                spec,
                model,
                accelerator=accelerator,
                threads=threads,
                isolated=isolated,
            ),
        )
