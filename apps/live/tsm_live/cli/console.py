"""run_console: starts and ends the console scripts of the runtime."""

import os
import sys
import threading
from collections.abc import Callable, Sequence


def run_console(main: Callable[[Sequence[str]], int]) -> None:
    """Runs a console script and ends the process with its status.

    It discards what native libraries write to stderr, unless TSM_VERBOSE is
    set.
    """
    _open_closed_streams()
    if not os.environ.get("TSM_VERBOSE"):
        from tsm_live.runtimes.native_logs import silence_native_logs

        silence_native_logs()
    status = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if threading.active_count() > 1:
        # A thread that hangs in a driver would hang or crash an orderly exit.
        # All output has been written.
        os._exit(status)
    sys.exit(status)


def run_command(
    program: str,
    command: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    fixable: tuple[type[Exception], ...] = (),
) -> int:
    """Runs a command; an error that the user can fix becomes one line.

    Args:
        program: The name of the program, with which the line begins.
        command: A function that returns the exit status.
        arguments: Its command line.
        fixable: Further exceptions that the user can fix, in addition to
            ValueError, OSError and ImportError.

    Returns:
        The exit status of the command, or 1 if it failed.
    """
    try:
        return command(arguments)
    except BrokenPipeError:  # The reader of our output has closed it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        own: tuple[type[Exception], ...] = (ValueError, OSError, ImportError)
        # Anything else is a bug and keeps its traceback.
        if not isinstance(error, own + fixable) or os.environ.get(
            "TSM_VERBOSE"
        ):
            raise
        print(f"{program}: error: {error}", file=sys.stderr)
        return 1


def _open_closed_streams():
    """Opens /dev/null for each closed descriptor from 0 to 2.

    Otherwise the next file to be opened would get that descriptor, and
    libraries would print into the file. `sys.stdin` and `sys.stdout` stay None.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Gets the lowest free number.
    if sys.stderr is None:
        # print(file=None) would print to stdout.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
