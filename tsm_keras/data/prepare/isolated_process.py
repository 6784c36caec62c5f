"""IsolatedProcess: calls functions in a process that may die of them."""

import multiprocessing.connection
import multiprocessing.reduction
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tsm_keras.child_code import isolated_code


class ProcessDiedError(Exception):
    """A call whose process crashed, was killed or took too long."""


class ProcessKilledError(ProcessDiedError):
    """A call whose process was killed by another, or for lack of memory."""


class IsolatedProcess:
    """Runs one call after the other in another process, made anew if it dies.

    Functions, arguments and results are pickled. The process ends with
    `close`, or when this one ends, however it does. Unlike those of
    `multiprocessing` it does not import the main script again, which may have
    loaded TensorFlow.

    Args:
        time_limit: Seconds that a call may take.
    """

    def __init__(self, time_limit: float):
        self.time_limit = time_limit
        self._process: subprocess.Popen | None = None
        self._pipe: Any = None

    def call(self, function: Callable, *arguments: Any) -> Any:
        """Returns `function(*arguments)`, or raises what it raises.

        Raises:
            ProcessDiedError: If the process did not live to the end of it.
            RuntimeError: If it cannot run at all.
        """
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        try:
            self._pipe.send((function, arguments))
            if not self._pipe.poll(self.time_limit):
                self.close()
                limit = f"{self.time_limit:g} seconds"
                raise ProcessDiedError(f"took more than {limit}")
            returned, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            code = process.wait()
            if code >= 0:  # Nothing of theirs, then, but of this package.
                raise RuntimeError(
                    f"A worker process ended with the exit code {code}. What "
                    "it printed (`tsm` shows it if TSM_VERBOSE=1) says why."
                ) from error
            name = signal.Signals(-code).name
            # What a crash never ends with, and the kernel frees memory with.
            killed = -code == signal.SIGKILL
            kind = ProcessKilledError if killed else ProcessDiedError
            raise kind(f"crashed ({name})") from error
        if returned:
            return value
        raise value

    def close(self) -> None:
        """Kills the process; a call that waits for it fails."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *isolated_code(
                        f"from {__name__} import serve; "
                        f"serve({theirs.fileno()})"
                    ),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._pipe = multiprocessing.connection.Connection(ours.detach())
        return self._process


def serve(descriptor: int) -> None:
    """Answers the calls of the parent's `IsolatedProcess`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent.
    pipe = multiprocessing.connection.Connection(descriptor)
    try:
        while True:
            function, arguments = pipe.recv()
            try:
                answer = _pickled(True, function(*arguments))
            except Exception as error:
                answer = _pickled(False, error)
            pipe.send_bytes(answer)
    except (EOFError, OSError):
        return  # The parent is gone.


def _pickled(returned, value):
    return multiprocessing.reduction.ForkingPickler.dumps((returned, value))
