"""EventLog: writes events as lines of JSON."""

import contextlib
import json
import sys
from typing import TextIO

from tsm_live.decision.decision import Event


class EventLog:
    """Writes one line when a gesture starts or ends, or an object appears.

    A line has the field "source" and those of a `GestureEvent` ("kind",
    "label", "score", "time" and, if the network has several heads, "head") or
    of an `ObjectEvent` ("kind", "track", "label", "score", "time", "box"). It
    is flushed immediately.

    Args:
        path: A file to append to, or `-` for stdout.

    Raises:
        OSError: If the file cannot be written, or stdout is closed.
    """

    def __init__(self, path: str):
        if path == "-" and sys.stdout is None:
            raise OSError("--events=- writes to stdout, which is closed.")
        self._path = path
        self._file: TextIO = (
            sys.stdout if path == "-" else open(path, "a", encoding="utf-8")  # noqa: SIM115
        )

    def write(self, source: str, event: Event) -> None:
        """Writes one event of a source.

        Raises:
            OSError: If it cannot be written; a BrokenPipeError if the reader
                of the pipe has gone.
        """
        fields = {"source": source, **event.to_dict()}
        try:
            print(json.dumps(fields), file=self._file, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(
                f"Events cannot be written to {self._path}: {error.strerror}"
            ) from error

    def close(self) -> None:
        """Closes the file."""
        if self._file is not sys.stdout:
            with contextlib.suppress(OSError):
                self._file.close()
