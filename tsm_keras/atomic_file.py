"""atomic_file: a file appears under its name whole, or not at all."""

import contextlib
import os
import pathlib
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def atomic_file(
    path: str | os.PathLike, *, keep_suffix: bool = False
) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, which takes its place at the end.

    What was written is on the disk before it gets its name, so neither a crash
    nor a disk that fills up late leaves a part of it there. If the block
    raises, the temporary file is removed.

    Args:
        path: The file to write.
        keep_suffix: Give the temporary file the suffix, too: for libraries that
            tell a format from it. Others look for files by their suffix, and
            are not to find this one.
    """
    path = pathlib.Path(path)
    # Another name in every process: two may write the same file at once.
    temporary = path.with_name(
        # Shortened, as no name may be longer than 255 bytes.
        f".{path.stem[:48]}.{uuid.uuid4().hex[:8]}.part"
        + (path.suffix if keep_suffix else "")
    )
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
