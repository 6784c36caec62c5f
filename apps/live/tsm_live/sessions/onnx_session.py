"""OnnxSession: runs a streaming `.onnx` artifact frame by frame."""

import os
from collections.abc import Sequence

from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.base_session import Session


class OnnxSession(Session):
    """Runs a streaming `.onnx` artifact in ONNX Runtime; see `Session`.

    Example:
    >>> session = OnnxSession("gestures.onnx")
    >>> prediction = session.step(frame)  # RGB, any size
    >>> print(prediction.label, prediction.score)

    Args:
        path: An artifact of `tsm export`.
        threads: The number of threads on the CPU.
        providers: The execution providers of ONNX Runtime; see `OnnxNetwork`.
        isolated: Run the network in a child process; see `open_session`.

    Attributes:
        spec: The artifact's `ArtifactSpec`.
        accelerator: `"cpu"` or `"cuda"`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If `threads` is not an integer from 1 to 256.
        ImportError: If ONNX Runtime is not installed.
        ArtifactError: If the file is not an ONNX artifact, ONNX Runtime
            refuses it, or its tensors differ from its spec.
        SessionError: If the child process of an isolated session died.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        threads: int = 1,
        providers: Sequence[str] | None = None,
        isolated: bool = False,
    ):
        spec, model = load_onnx_artifact(path)
        super().__init__(
            spec,
            lambda: open_network(
                path,
                spec,
                model,
                threads=threads,
                providers=providers,
                isolated=isolated,
            ),
        )


def load_onnx_artifact(path: str | os.PathLike) -> tuple[ArtifactSpec, bytes]:
    """Calls `load_artifact` and refuses anything but an ONNX artifact.

    Raises:
        FileNotFoundError: If the file does not exist.
        ArtifactError: If the file is not an ONNX artifact.
    """
    spec, model = load_artifact(path)
    if spec.layout != "NCHW":
        raise ArtifactError(
            "ONNX Runtime and TensorRT run .onnx files, which `tsm export "
            f"--format=onnx` writes. Received: {os.fspath(path)}"
        )
    return spec, model
