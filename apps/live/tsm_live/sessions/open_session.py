"""StreamingSession, OnnxSession; open_session: opens either by the suffix."""

import os
import pathlib
from collections.abc import Sequence

from tsm_live.artifact.file import ONNX_SUFFIX, load_artifact
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.network import check_threads
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.base_session import Session

_RUNTIMES = {
    "NHWC": "LiteRT runs .tflite files; `OnnxSession` runs .onnx files.",
    "NCHW": "ONNX Runtime and TensorRT run .onnx files, which `tsm export "
    "--format=onnx` writes.",
}


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

    Raises:
        ArtifactError: If the file is not a `.tflite` artifact. `open_session`
            lists the other errors.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        accelerator: str = "cpu",
        threads: int = 1,
        isolated: bool = False,
    ):
        spec, model = load_layout(path, "NHWC")
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


class OnnxSession(Session):
    """Runs a streaming `.onnx` artifact in ONNX Runtime; see `Session`.

    Args:
        path: An artifact of `tsm export`.
        threads: The number of threads on the CPU, from 1 to 256.
        providers: The execution providers of ONNX Runtime; see `OnnxNetwork`.
        isolated: Run the network in a child process; see `open_session`.

    Raises:
        ArtifactError: If the file is not an `.onnx` artifact. `open_session`
            lists the other errors.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        threads: int = 1,
        providers: Sequence[str] | None = None,
        isolated: bool = False,
    ):
        spec, model = load_layout(path, "NCHW")
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


def open_session(
    path: str | os.PathLike,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    isolated: bool = False,
) -> Session:
    """Opens an `OnnxSession` for `.onnx`, else a `StreamingSession`.

    Args:
        path: An artifact of `tsm export`.
        accelerator: `"cpu"`, `"gpu"` or `"auto"`, see `StreamingSession`.
            `.onnx` files always run on the CPU.
        threads: The number of threads on the CPU.
        isolated: Run the network in a child process. If a malicious model or a
            GPU driver crashes or hangs it, a `SessionError` is raised. Use
            this for files of unknown origin.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If ONNX Runtime is needed and not installed.
        ArtifactError: If the file is not an artifact, the runtime refuses it,
            or its tensors differ from its spec.
        AcceleratorError: If `accelerator` is `"gpu"` and there is no GPU that
            can run the whole network.
        ValueError: If `accelerator` is unknown, or `"gpu"` for an `.onnx` file,
            or `threads` is not an integer from 1 to 256.
        SessionError: If the child process of an isolated session died.
    """
    check_threads(threads)  # Before a large file is read.
    if pathlib.Path(path).suffix != ONNX_SUFFIX:
        return StreamingSession(
            path, accelerator=accelerator, threads=threads, isolated=isolated
        )
    if accelerator not in ("cpu", "auto"):
        raise ValueError(
            "`accelerator` must be 'cpu' or 'auto' for .onnx files; "
            "`OnnxSession` takes ONNX Runtime's `providers`. "
            f"Received: accelerator={accelerator!r}"
        )
    return OnnxSession(path, threads=threads, isolated=isolated)


def load_layout(
    path: str | os.PathLike, layout: str
) -> tuple[ArtifactSpec, bytes]:
    """Calls `load_artifact`, and refuses an artifact of the other layout.

    Raises:
        FileNotFoundError: If the file does not exist.
        ArtifactError: If the file is not an artifact of this layout.
    """
    spec, model = load_artifact(path)
    if spec.layout != layout:
        raise ArtifactError(f"{_RUNTIMES[layout]} Received: {os.fspath(path)}")
    return spec, model
