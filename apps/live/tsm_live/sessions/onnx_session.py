"""OnnxSession: runs a streaming `.onnx` artifact frame by frame."""

import os
from collections.abc import Sequence

from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.bound_network import BoundNetwork
from tsm_live.runtimes.threads import check_threads
from tsm_live.sessions.base_session import Session


class OnnxSession(Session):
    """Runs a streaming `.onnx` artifact in ONNX Runtime; keeps its caches.

    Example:
    >>> session = OnnxSession("gestures.onnx")
    >>> prediction = session.step(frame)  # RGB, any size
    >>> print(prediction.label, prediction.score)

    Args:
        path: An artifact of `tsm export`.
        threads: On the CPU.
        providers: As for `BoundNetwork`.

    Attributes:
        spec: The artifact's `ArtifactSpec`.
        accelerator: `"cpu"` or `"cuda"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If `threads` is not an integer from 1 to 256.
        ImportError: If ONNX Runtime is not installed.
        ArtifactError: If the file is no artifact, or its tensors are not those
            that its spec describes.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        threads: int = 1,
        providers: Sequence[str] | None = None,
    ):
        check_threads(threads)
        spec = read_onnx_spec(path)
        try:
            super().__init__(
                spec,
                lambda: BoundNetwork(
                    path, spec, threads=threads, providers=providers
                ),
            )
        except ArtifactError:
            raise
        except ValueError as error:
            raise ArtifactError(str(error)) from error


def read_onnx_spec(path: str | os.PathLike) -> ArtifactSpec:
    """Reads the spec of an artifact that must be an `.onnx` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ArtifactError: If it is no artifact, or one of TFLite.
    """
    spec = read_spec(path)
    if spec.layout != "NCHW":
        raise ArtifactError(
            "ONNX Runtime and TensorRT run .onnx files, which `tsm export "
            f"--format=onnx` writes. Received: {os.fspath(path)}"
        )
    return spec
