"""check_written: refuses a run that would write over its own files."""

import contextlib
import os
from collections.abc import Sequence

_File = str | os.PathLike | int  # A number is a descriptor.


def check_written(
    written: Sequence[tuple[str, _File]], read: Sequence[tuple[str, _File]]
) -> None:
    """Refuses a run that would write over a file of its own.

    Args:
        written: The flags and the files that the run writes.
        read: The flags and the files that the run reads.

    Raises:
        ValueError: If a file to write is the same as any other file, even
            under a different name.
    """
    for number, (flag, path) in enumerate(written):
        for other_flag, other in (*written[:number], *read):
            if _is_same(path, other):
                raise ValueError(
                    f"{flag} would write over the file of {other_flag}. "
                    f"Received: {flag}={path}"
                )


def _is_same(path, other):
    with contextlib.suppress(OSError):  # One of them does not exist yet.
        # A terminal or /dev/null may be both read and written.
        return os.path.samefile(path, other) and os.path.isfile(path)
    if isinstance(path, int) or isinstance(other, int):
        return False
    return os.path.realpath(path) == os.path.realpath(other)
