"""run_module: a module of this package runs in a fresh process."""

import os
import subprocess
import sys
from collections.abc import Mapping


class ProcessError(OSError):
    """A process that ended with another status than 0, or not in time."""


def run_module(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Runs `python -m module arguments` with this process's import path.

    Args:
        module: Its full name.
        *arguments: Of its command line.
        environment: Variables to set, beside those of this process.
        timeout: Seconds to wait for its end; None to wait for ever.

    Returns:
        What it printed.

    Raises:
        ProcessError: Names the status and the last line of its errors.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise ProcessError(f"did not end within {timeout:.0f} s") from error
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:]
        raise ProcessError(
            f"died with status {process.returncode}: {' '.join(last)}"
        )
    return process.stdout
