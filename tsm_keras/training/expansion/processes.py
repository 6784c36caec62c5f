"""run_in_processes: runs jobs side by side, each in a process of its own."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def run_in_processes(
    function: Callable[[_Job], _Result],
    jobs: Mapping[str, _Job],
    *,
    processes: int,
) -> Iterator[tuple[str, _Result | Exception]]:
    """Runs a function on each job, and yields results as they come.

    A job that fails, or whose process is killed, does not stop the others. If
    the iteration or this process ends early, all processes end.

    Args:
        function: A function of a module; it and its argument are sent to the
            process.
        jobs: The arguments, by name.
        processes: The number of processes at a time.

    Yields:
        The name of each job, with its result or its error.
    """
    context = multiprocessing.get_context("spawn")
    # Nothing is ever sent: a process ends when the other end closes, which the
    # system does even if this process is killed.
    reader, writer = context.Pipe(duplex=False)
    run = functools.partial(_run, context, reader, function)
    with concurrent.futures.ThreadPoolExecutor(processes) as threads:
        names = {threads.submit(run, job): name for name, job in jobs.items()}
        try:
            for future in concurrent.futures.as_completed(names):
                error = future.exception()
                if error is not None and not isinstance(error, Exception):
                    raise error
                yield names[future], error or future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            writer.close()


def _run(context, reader, function, job):
    # A pool of one process: if that is killed, no other job is lost with it.
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=context, initializer=_prepare, initargs=(reader,)
    ) as pool:
        return pool.submit(function, job).result()


def _prepare(reader: Any) -> None:
    """Makes this process end when the other end of the pipe closes."""
    # Ctrl-C reaches all processes, and the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_after, args=(reader,), daemon=True).start()


def _exit_after(reader):
    with contextlib.suppress(EOFError, OSError):
        reader.recv()
    os._exit(1)
