"""open_session: the session that fits an artifact."""

import os
import pathlib

from tsm_live.artifact.file import ONNX_SUFFIX
from tsm_live.runtimes.threads import check_threads
from tsm_live.sessions.base_session import Session


def open_session(
    path: str | os.PathLike, *, accelerator: str = "cpu", threads: int = 1
) -> Session:
    """Opens an `OnnxSession` for `.onnx`, else a `StreamingSession`.

    Args:
        path: An artifact of `tsm export`.
        accelerator: As for `StreamingSession`; `.onnx` files run on the CPU.
        threads: On the CPU.

    Raises:
        FileNotFoundError, ImportError, ArtifactError: As these do.
        ValueError: If `accelerator` is unknown, or `"gpu"` for an `.onnx` file,
            or `threads` is not an integer from 1 to 256.
        AcceleratorError: As `StreamingSession`.
    """
    check_threads(threads)  # Before a GPU is tried, which takes seconds.
    # A runtime loads when it is wanted.
    if pathlib.Path(path).suffix == ONNX_SUFFIX:
        if accelerator not in ("cpu", "auto"):
            raise ValueError(
                "`accelerator` must be 'cpu' or 'auto' for .onnx files; "
                "`OnnxSession` takes ONNX Runtime's `providers`. "
                f"Received: accelerator={accelerator!r}"
            )
        from tsm_live.sessions.onnx_session import OnnxSession

        return OnnxSession(path, threads=threads)
    from tsm_live.sessions.streaming_session import StreamingSession

    return StreamingSession(path, accelerator=accelerator, threads=threads)
