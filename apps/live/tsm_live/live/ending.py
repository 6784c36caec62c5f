"""Ending: notes the signals that ask the run to end."""

import signal
import types
from collections.abc import Callable
from typing import Any

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last.


class Ending:
    """A context in which Ctrl-C and `kill` only ask the run to end.

    The run can then complete its files. A second signal kills the process.

    Attributes:
        wanted: Whether a signal has asked the run to end.
    """

    def __init__(self):
        # A plain attribute, because a signal handler must not wait for a lock.
        self.wanted = False
        self._before: dict[int, Callable | int | None] = {}

    def __enter__(self) -> "Ending":
        for name in _SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: types.FrameType | None) -> None:
        self.wanted = True
        signal.signal(number, signal.SIG_DFL)
