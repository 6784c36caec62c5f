"""TensorRTSession, and open_session, which falls back to ONNX Runtime."""

import importlib.util
import os

from tsm_jetson.tensorrt_network import TensorRTNetwork
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.open_session import OnnxSession, load_layout

RUNTIMES = ("auto", "tensorrt", "onnxruntime")


class TensorRTSession(Session):
    """Runs a streaming `.onnx` artifact in TensorRT and keeps its caches.

    The interface is that of `tsm_live.StreamingSession`. This code has never
    been run; see `tensorrt_network.py`.

    Args:
        path: An artifact of `tsm export`.
        engines: The folder for engines; see `engine_path`.

    Attributes:
        spec: The artifact's `ArtifactSpec`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ArtifactError: If the file is not an ONNX artifact.
        ImportError, ArtifactError, RuntimeError: See `TensorRTNetwork`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        engines: str | os.PathLike | None = None,
    ):
        spec, model = load_layout(path, "NCHW")
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
    """Opens an `.onnx` artifact in TensorRT or ONNX Runtime.

    Args:
        path: An artifact of `tsm export`.
        runtime: `"tensorrt"`, `"onnxruntime"`, or `"auto"` for TensorRT if it
            is installed, else ONNX Runtime.
        engines: The folder for engines; see `engine_path`.
        threads: The number of threads of ONNX Runtime.

    Raises:
        ValueError: If the runtime is unknown.
        FileNotFoundError, ImportError, ArtifactError, RuntimeError: See the
            two sessions.
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
