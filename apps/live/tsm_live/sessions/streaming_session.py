"""StreamingSession: runs a streaming `.tflite` artifact frame by frame."""

import os

from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes.open_network import ACCELERATORS, open_network
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.prediction import Prediction

__all__ = ["ACCELERATORS", "Prediction", "StreamingSession"]


class StreamingSession(Session):
    """Runs a streaming `.tflite` artifact in LiteRT; see `Session`.

    Example:
    >>> session = StreamingSession("gestures.tflite")
    >>> prediction = session.step(frame)  # RGB, any size
    >>> print(prediction.label, prediction.score)

    Args:
        path: An artifact of `tsm export`.
        accelerator: `"cpu"`; `"gpu"` for the whole network on the GPU; or
            `"auto"` for the GPU if it can run the whole network, else the
            CPU. A model is first tried on the GPU in a child process, which
            takes seconds.
        threads: The number of threads on the CPU, from 1 to 256.
        isolated: Run the network in a child process; see `open_session`.

    Attributes:
        spec: The artifact's `ArtifactSpec`.
        accelerator: The accelerator that runs the network: `"cpu"` or `"gpu"`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If `accelerator` or `threads` is not valid.
        ArtifactError: If the file is not a `.tflite` artifact, LiteRT refuses
            it, or its tensors differ from its spec.
        AcceleratorError: If `accelerator` is `"gpu"` and there is no GPU that
            can run the whole network.
        SessionError: If the child process of an isolated session died.
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
