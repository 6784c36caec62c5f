"""`tsm-live`: runs an artifact over cameras, streams and files."""

import os
import sys
import threading
from collections.abc import Callable, Sequence


def run() -> None:
    """The console script."""
    _open_closed_streams()
    if not os.environ.get("TSM_VERBOSE"):
        from tsm_live.native_logs import silence_native_logs

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


def main(arguments: Sequence[str]) -> int:
    """Runs the command line.

    Returns:
        The exit status: 0 when the sources ended or the user ended the run, 1
        if something failed, 2 if the command line is wrong.
    """
    if arguments[:1] == ["benchmark"]:
        from tsm_live import benchmark_command

        return _run(benchmark_command.main, arguments[1:])
    from tsm_live import live_command

    return _run(live_command.main, arguments)


def _run(command: Callable[[Sequence[str]], int], arguments):
    try:
        return command(arguments)
    except BrokenPipeError:  # The reader of our output has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from tsm_live.runner import AcceleratorError

        # What a user can mend. Anything else is a bug and keeps its traceback.
        mendable = (ValueError, OSError, ImportError, AcceleratorError)
        if not isinstance(error, mendable) or os.environ.get("TSM_VERBOSE"):
            raise
        print(f"tsm-live: error: {error}", file=sys.stderr)
        return 1
