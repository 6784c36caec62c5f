"""atomic_file, atomic_folder: what is written appears whole, or not at all."""

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

_FLUSHES = 16  # At the same time.


@contextlib.contextmanager
def atomic_file(
    path: str | os.PathLike, *, keep_suffix: bool = False
) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, which takes its place at the end.

    The content is on the disk before it gets its name, so neither a crash nor
    a disk that fills up late leaves a part of it there. If the block raises,
    the temporary file is removed.

    Args:
        path: The file to write.
        keep_suffix: Whether the temporary file has the same suffix, for
            libraries that tell the format from it. By default it has another
            one, so that whoever looks for files by suffix does not find it.
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
    """Yields a temporary folder, which becomes `path` at the end.

    As with `atomic_file`, its files are on the disk before it gets its name,
    and if the block raises, it is removed. Folders above `path` are made. If
    `path` is a symbolic link, the link stays, and the folder that it points to
    is written.

    Args:
        path: The folder to write.
        replace: Whether to replace the folder that stands there. If that
            fails, the old folder is still there.

    Raises:
        OSError: If a folder with content stands there and `replace` is False.
    """
    path = pathlib.Path(os.path.realpath(path))
    temporary = _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        files = [file for file in temporary.rglob("*") if file.is_file()]
        # Disks write many files at once much faster than one after the other.
        with concurrent.futures.ThreadPoolExecutor(_FLUSHES) as pool:
            list(pool.map(_flush, files))
        if replace and path.exists():
            _swap(temporary, path)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(temporary, path):
    # A folder with content cannot be replaced in one step: it steps aside, and
    # comes back if its successor cannot take its place.
    old = temporary.with_name(f"{temporary.name}.old")
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old)


def _temporary(path, suffix=""):
    # Unique, as two processes may write the same name at once, and shortened,
    # as no name may be longer than 255 bytes.
    name = f".{path.stem[:48]}.{uuid.uuid4().hex[:8]}.part{suffix}"
    return path.with_name(name)


def _flush(file):
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())
