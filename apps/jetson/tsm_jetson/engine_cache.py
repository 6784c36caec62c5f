"""load_or_build: keeps TensorRT engines, which take minutes to build, on disk.

An engine is for one model, one version of TensorRT and one kind of GPU, and
its file is named after them. Because an engine is code, a file that another
user could have written is not loaded.
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
    """Returns the path of the file for an engine.

    Args:
        folder: The folder for engines; None for `tsm_jetson` in
            `$XDG_CACHE_HOME` (by default `~/.cache`).
        model_hash: The `model_hash` of the spec.
        tensorrt_version: The version of TensorRT, e.g. `"10.3.0"`.
        device: The name and compute capability of the GPU, e.g. `"Orin 8.7"`.
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
    """Loads the engine at `path`, or builds and writes it first.

    Args:
        path: A path from `engine_path`. Missing folders are created, for this
            user only.
        load: A function from the bytes of a file to an engine, or to None if
            TensorRT cannot load it.
        build: A function that returns the bytes of a new engine.

    Raises:
        RuntimeError: If the new engine cannot be loaded.
        OSError: If the file cannot be written.
    """
    if _is_ours(path):
        engine = load(path.read_bytes())
        if engine is not None:
            return engine
    plan = build()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A random name, because another process may build the same engine.
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
    """Returns whether only this user can have written a file."""
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
