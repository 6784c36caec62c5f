"""check_written: what a run writes is none of the files that it reads."""

import contextlib
import os
from collections.abc import Sequence

_File = str | os.PathLike | int  # A number is a descriptor.


def check_written(
    written: Sequence[tuple[str, _File]], read: Sequence[tuple[str, _File]]
) -> None:
    """Refuses a run that would write over a file of its own.

    Args:
        written: Flags and the files that they write. None may be another one.
        read: Flags and the files that they read.

    Raises:
        ValueError: If two are the same file, under whatever names.
    """
    for number, (flag, path) in enumerate(written):
        for other_flag, other in (*written[:number], *read):
            if _is_same(path, other):
                raise ValueError(
                    f"{flag} would write over the file of {other_flag}. "
                    f"Received: {flag}={path}"
                )


def _is_same(path, other):
    with contextlib.suppress(OSError):  # One of them is not there yet.
        # Of a terminal or /dev/null nothing can be lost.
        return os.path.samefile(path, other) and os.path.isfile(path)
    if isinstance(path, int) or isinstance(other, int):
        return False
    return os.path.realpath(path) == os.path.realpath(other)
