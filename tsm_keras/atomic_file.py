"""atomic_file, atomic_folder: a file or folder appears only when complete."""

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

_FLUSHES = 16  # The number of files that are flushed at the same time.


@contextlib.contextmanager
def atomic_file(
    path: str | os.PathLike, *, keep_suffix: bool = False
) -> Iterator[pathlib.Path]:
    """Yields a temporary path, whose file is renamed to `path` at the end.

    The content is flushed to the disk before the renaming, so neither a crash
    nor a full disk leaves an incomplete file at `path`. If the block raises,
    the temporary file is removed.

    Args:
        path: The file to write.
        keep_suffix: Whether the temporary file has the same suffix, for
            libraries that choose the format by it. By default it has another
            suffix, so that searches by suffix do not find it.
    """
    path = pathlib.Path(path)
    temporary = _temporary(path, path.suffix if keep_suffix else "")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(
    path: str | os.PathLike, *, replace: bool = False
) -> Iterator[pathlib.Path]:
    """Yields a temporary folder, which is renamed to `path` at the end.

    As with `atomic_file`, its files are flushed to the disk before the
    renaming, and the temporary folder is removed if the block raises. Missing
    parent folders of `path` are created. If `path` is a symbolic link, the link
    stays, and the folder that it points to is written.

    Args:
        path: The folder to write.
        replace: Whether to replace a folder that exists at `path`. If that
            fails, the old folder is kept.

    Raises:
        OSError: If `path` is a folder with content and `replace` is False.
    """
    path = pathlib.Path(os.path.realpath(path))
    temporary = _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        files = [file for file in temporary.rglob("*") if file.is_file()]
        # Disks flush many files at once much faster than one after the other.
        with concurrent.futures.ThreadPoolExecutor(_FLUSHES) as pool:
            list(pool.map(_flush, files))
        if replace and path.exists():
            _swap(temporary, path)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(temporary, path):
    # A folder with content cannot be replaced in one step. The old folder is
    # renamed first, and renamed back if the new one cannot take its place.
    old = temporary.with_name(f"{temporary.name}.old")
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old)


def _temporary(path, suffix=""):
    # The name is unique, because two processes may write the same path at once.
    # It is shortened, because a name may have at most 255 bytes.
    name = f".{path.stem[:48]}.{uuid.uuid4().hex[:8]}.part{suffix}"
    return path.with_name(name)


def _flush(file):
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())
