"""TensorRTSession, and open_session, which falls back to ONNX Runtime."""

import importlib.util
import os

from tsm_jetson.tensorrt_network import TensorRTNetwork
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.onnx_session import OnnxSession, load_onnx_artifact

RUNTIMES = ("auto", "tensorrt", "onnxruntime")


class TensorRTSession(Session):
    """Runs a streaming `.onnx` artifact in TensorRT; keeps its caches.

    The interface is that of `tsm_live.StreamingSession`. Not run by this
    project; see `TensorRTNetwork`.

    Args:
        path: An artifact of `tsm export`.
        engines: Folder to keep engines in; see `engine_path`.

    Attributes:
        spec: The artifact's `ArtifactSpec`.

    Raises:
        FileNotFoundError: If there is no such file.
        ArtifactError: If the file is no ONNX artifact.
        ImportError, ArtifactError, RuntimeError: As `TensorRTNetwork`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        engines: str | os.PathLike | None = None,
    ):
        spec, model = load_onnx_artifact(path)
        super().__init__(
            spec, lambda: TensorRTNetwork(spec, model, engines=engines)
        )


def open_session(
    path: str | os.PathLike,
    *,
    runtime: str = "auto",
    engines: str | os.PathLike | None = None,
    threads: int = 1,
) -> Session:
    """Opens an `.onnx` artifact in the runtime that is there.

    Args:
        path: An artifact of `tsm export`.
        runtime: `"tensorrt"`, `"onnxruntime"`, or `"auto"`: the former where
            it is installed.
        engines: As for `TensorRTSession`.
        threads: Of ONNX Runtime.

    Raises:
        ValueError: If the runtime is unknown.
        FileNotFoundError, ImportError, ArtifactError, RuntimeError: As the
            sessions.
    """
    if runtime not in RUNTIMES:
        raise ValueError(
            f"`runtime` must be one of {RUNTIMES}. "
            f"Received: runtime={runtime!r}"
        )
    if runtime == "auto":
        installed = importlib.util.find_spec("tensorrt") is not None
        runtime = "tensorrt" if installed else "onnxruntime"
    if runtime == "tensorrt":
        return TensorRTSession(path, engines=engines)
    return OnnxSession(path, threads=threads)
