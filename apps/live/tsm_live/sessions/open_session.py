"""open_session: the session that fits an artifact."""

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
        accelerator: As for `StreamingSession`; `.onnx` files run on the CPU.
        threads: Threads on the CPU.
        isolated: Run the network in a process of its own. A crafted model or
            a GPU driver that crashes or hangs is then a `SessionError`, and
            does not end this process. For files whose origin you do not know.

    Raises:
        FileNotFoundError, ImportError, ArtifactError: As these do.
        ValueError: If `accelerator` is unknown, or `"gpu"` for an `.onnx` file,
            or `threads` is not an integer from 1 to 256.
        AcceleratorError: As `StreamingSession`.
        SessionError: If the process of an isolated session died.
    """
    check_threads(threads)  # Before a large file is read.
    # A runtime is imported when it is wanted.
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
