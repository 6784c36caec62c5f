"""load_or_build: TensorRT engines take minutes to build, so they are kept.

An engine fits one model, one version of TensorRT and one kind of GPU: these
make up its file's name. It is code: a file that somebody else could have
written is not loaded.
"""

import os
import pathlib
import re
import stat
import tempfile
from collections.abc import Callable
from typing import Any

_HASH_DIGITS = 16


def engine_path(
    folder: str | os.PathLike | None,
    *,
    model_hash: str,
    tensorrt_version: str,
    device: str,
) -> pathlib.Path:
    """Names the file that holds an engine.

    Args:
        folder: Where engines are kept; None for `tsm_jetson` in
            `$XDG_CACHE_HOME`, by default `~/.cache`.
        model_hash: `ArtifactSpec.model_hash`.
        tensorrt_version: E.g. `"10.3.0"`.
        device: The GPU's name and compute capability, e.g. `"Orin 8.7"`.
    """
    if folder is None:
        home = (
            os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        )
        folder = pathlib.Path(home) / "tsm_jetson"
    key = f"{model_hash[:_HASH_DIGITS]}-trt{tensorrt_version}-{device}"
    name = re.sub(r"[^\w.-]+", "_", key)
    return pathlib.Path(folder) / f"{name}.engine"


def load_or_build(
    path: pathlib.Path,
    *,
    load: Callable[[bytes], Any | None],
    build: Callable[[], bytes],
) -> Any:
    """Returns the engine at `path`, built first if it is not there.

    Args:
        path: From `engine_path`. Missing folders are made, for this user only.
        load: Turns bytes into an engine; None if it cannot.
        build: Makes the bytes.

    Raises:
        RuntimeError: If what was just built cannot be loaded.
        OSError: If the file cannot be written.
    """
    if _is_ours(path):
        engine = load(path.read_bytes())
        if engine is not None:
            return engine
    plan = build()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A name of its own: another process may build the same.
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(plan)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    engine = load(plan)
    if engine is None:
        raise RuntimeError(f"The engine just built cannot be loaded: {path}")
    return engine


def _is_ours(path):
    """Whether nobody but this user can have written a file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.getuid()
        and not others_write
    )
