"""IsolatedProcess: runs functions that may crash in a process of their own."""

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
    """The process of a call crashed, was killed or took too long."""


class ProcessKilledError(ProcessDiedError):
    """The process of a call was killed, for example for lack of memory."""


class IsolatedProcess:
    """Runs one call after the other in another process.

    A process that dies is replaced at the next call. Functions, arguments and
    results are pickled. The process ends with `close`, or when this process
    ends or is killed. Unlike a process of `multiprocessing`, it does not import
    the main script again, which may have loaded TensorFlow.

    Args:
        time_limit: The number of seconds that a call may take.
    """

    def __init__(self, time_limit: float):
        self.time_limit = time_limit
        self._process: subprocess.Popen | None = None
        self._pipe: Any = None

    def call(self, function: Callable, *arguments: Any) -> Any:
        """Returns `function(*arguments)`, or raises what it raises.

        Raises:
            ProcessDiedError: If the process died, or took too long.
            RuntimeError: If the process cannot run at all.
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
            if code >= 0:  # The process failed to start; no call did this.
                raise RuntimeError(
                    f"A worker process ended with the exit code {code}. Its "
                    "output says why; `tsm` shows it with TSM_VERBOSE=1."
                ) from error
            name = signal.Signals(-code).name
            # The kernel uses this signal to free memory; a crash never has it.
            killed = -code == signal.SIGKILL
            kind = ProcessKilledError if killed else ProcessDiedError
            raise kind(f"crashed ({name})") from error
        if returned:
            return value
        raise value

    def close(self) -> None:
        """Kills the process; a call that is still running fails."""
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent handles Ctrl-C.
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
        return  # The parent has ended.


def _pickled(returned, value):
    return multiprocessing.reduction.ForkingPickler.dumps((returned, value))
