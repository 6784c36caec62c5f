"""IsolatedProcess: runs functions that may crash in a process of their own."""

import contextlib
import importlib
import multiprocessing.connection
import multiprocessing.reduction
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import Any

from tsm_keras.child_code import isolated_code

_ITEM, _VALUE, _ERROR = range(3)  # The kinds of answers.


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
        self._ready = False  # Whether the process waits for calls.

    def call(
        self,
        function: Callable,
        *arguments: Any,
        on_item: Callable[[Any], object] | None = None,
    ) -> Any:
        """Returns `function(*arguments)`, or raises what it raises.

        Args:
            function: The function. If it is a generator function, it runs to
                its end, and its return value is returned.
            *arguments: Its arguments.
            on_item: A function that is called here with each item that a
                generator yields. The time limit holds for each item.

        Raises:
            ProcessDiedError: If the process died, or took too long.
            RuntimeError: If the process cannot run at all.
        """
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start(function.__module__)
        with _watched(process):
            self._pipe.send((function, arguments))
            if not self._ready:
                self._pipe.recv()
                self._ready = True
        kind = _ITEM
        while kind == _ITEM:
            with _watched(process):
                if not self._pipe.poll(self.time_limit):
                    self.close()
                    limit = f"{self.time_limit:g} seconds"
                    raise ProcessDiedError(f"took more than {limit}")
                kind, value = self._pipe.recv()
            if kind == _ITEM and on_item:
                on_item(value)
        if kind == _ERROR:
            raise value
        return value

    def close(self) -> None:
        """Kills the process; a call that is still running fails."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start(self, module: str) -> subprocess.Popen:
        """Starts a process that has imported the module of its first call.

        The time limit of the call does not begin before that.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *isolated_code(
                        f"from {__name__} import serve; "
                        f"serve({theirs.fileno()}, {module!r})"
                    ),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._pipe = multiprocessing.connection.Connection(ours.detach())
        self._ready = False
        return self._process


@contextlib.contextmanager
def _watched(process):
    """Turns an error of the pipe into one that says how the process ended."""
    try:
        yield
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
        died = ProcessKilledError if killed else ProcessDiedError
        raise died(f"crashed ({name})") from error


def serve(descriptor: int, module: str) -> None:
    """Answers the calls of the parent's `IsolatedProcess`.

    Args:
        descriptor: The number of the pipe to the parent.
        module: A module to import before the first call.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent handles Ctrl-C.
    pipe = multiprocessing.connection.Connection(descriptor)
    importlib.import_module(module)
    try:
        pipe.send(None)  # The parent waits for this.
        while True:
            function, arguments = pipe.recv()
            try:
                value = function(*arguments)
                if isinstance(value, Generator):
                    value = _run(value, pipe)
                answer = _pickled(_VALUE, value)
            except _ParentEndedError:
                raise
            except Exception as error:
                answer = _pickled(_ERROR, error)
            pipe.send_bytes(answer)
    except (EOFError, OSError, _ParentEndedError):
        return  # The parent has ended.


class _ParentEndedError(Exception):
    """Nobody waits for an item; an OSError could be one of the function."""


def _run(generator, pipe):
    """Sends the items of a generator; returns its return value."""
    with contextlib.closing(generator):
        while True:
            try:
                item = next(generator)
            except StopIteration as end:
                return end.value
            try:
                pipe.send_bytes(_pickled(_ITEM, item))
            except OSError as error:
                raise _ParentEndedError from error


def _pickled(kind, value):
    return multiprocessing.reduction.ForkingPickler.dumps((kind, value))
