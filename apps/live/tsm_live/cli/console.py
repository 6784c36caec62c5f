"""run_console: what every console script of the runtime does."""

import os
import sys
import threading
from collections.abc import Callable, Sequence


def run_console(main: Callable[[Sequence[str]], int]) -> None:
    """Runs a console script and ends the process with its status.

    What libraries write to stderr goes nowhere, unless TSM_VERBOSE is set.
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
        # A thread that hangs in a driver would hang or crash an orderly exit;
        # all that was to be written is.
        os._exit(status)
    sys.exit(status)


def run_command(
    program: str,
    command: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    mendable: tuple[type[Exception], ...] = (),
) -> int:
    """Runs a command; what a user can fix becomes one line on stderr.

    Args:
        program: Begins that line.
        command: Returns the exit status.
        arguments: Its command line.
        mendable: What it raises of the kind, beside what every command does.

    Returns:
        The exit status: that of the command, or 1 if it failed.
    """
    try:
        return command(arguments)
    except BrokenPipeError:  # The reader of our output has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        own: tuple[type[Exception], ...] = (ValueError, OSError, ImportError)
        # Anything else is a bug and keeps its traceback.
        if not isinstance(error, own + mendable) or os.environ.get(
            "TSM_VERBOSE"
        ):
            raise
        print(f"{program}: error: {error}", file=sys.stderr)
        return 1


def _open_closed_streams():
    """Gives descriptors 0 to 2, where they are closed, to /dev/null.

    Else the next file that is opened gets one, and libraries print into it.
    `sys.stdin` and `sys.stdout` stay None: who needs them says so.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Takes the lowest that is free.
    if sys.stderr is None:
        # Without it, what is printed to it would go to stdout.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
