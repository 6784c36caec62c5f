"""open_session: opens a session for an artifact of any format."""

import os
import pathlib

from tsm_live.artifact.file import ONNX_SUFFIX
from tsm_live.runtimes.network import check_threads
from tsm_live.sessions.base_session import Session


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
        FileNotFoundError, ImportError, ArtifactError, AcceleratorError: See
            the two classes.
        ValueError: If `accelerator` is unknown, or `"gpu"` for an `.onnx` file,
            or `threads` is not an integer from 1 to 256.
        SessionError: If the child process of an isolated session died.
    """
    check_threads(threads)  # Before a large file is read.
    if pathlib.Path(path).suffix == ONNX_SUFFIX:
        if accelerator not in ("cpu", "auto"):
            raise ValueError(
                "`accelerator` must be 'cpu' or 'auto' for .onnx files; "
                "`OnnxSession` takes ONNX Runtime's `providers`. "
                f"Received: accelerator={accelerator!r}"
            )
        from tsm_live.sessions.onnx_session import OnnxSession

        return OnnxSession(path, threads=threads, isolated=isolated)
    from tsm_live.sessions.streaming_session import StreamingSession

    return StreamingSession(
        path, accelerator=accelerator, threads=threads, isolated=isolated
    )
