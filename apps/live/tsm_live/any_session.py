"""open_session: the session that fits an artifact."""

import os
import pathlib

from tsm_live.base_session import Session
from tsm_live.spec import ONNX_SUFFIX


def open_session(path: str | os.PathLike, *, threads: int = 1) -> Session:
    """Opens an `OnnxSession` for `.onnx`, else a `StreamingSession`.

    Raises:
        FileNotFoundError, ImportError, ArtifactError: As these do.
    """
    # A runtime loads when it is wanted.
    if pathlib.Path(path).suffix == ONNX_SUFFIX:
        from tsm_live.onnx_session import OnnxSession

        return OnnxSession(path, threads=threads)
    from tsm_live.session import StreamingSession

    return StreamingSession(path, threads=threads)
