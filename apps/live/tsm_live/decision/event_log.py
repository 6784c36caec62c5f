"""EventLog: writes gestures as lines of JSON."""

import contextlib
import dataclasses
import json
import sys
from typing import TextIO

from tsm_live.decision.gestures import GestureEvent


class EventLog:
    """Writes one line when a gesture starts and one when it ends.

    A line has the fields "source", "kind", "label", "score", "time" and, if the
    network has several heads, "head"; see `GestureEvent`. It is flushed
    immediately.

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

    def write(self, source: str, event: GestureEvent) -> None:
        """Writes one event of a source.

        Raises:
            OSError: If it cannot be written; a BrokenPipeError if the reader
                of the pipe has gone.
        """
        fields = {
            "source": source,
            **dataclasses.asdict(event),
            "score": round(event.score, 4),
            "time": round(event.time, 3),
        }
        if not event.head:
            del fields["head"]
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
