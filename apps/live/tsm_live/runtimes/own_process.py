"""start_module, run_module: run modules of this project in child processes.

A child has the import path of this process without the current folder, so that
a file there that is called `numpy.py` is not run.
"""

import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

# Sets the import path before anything is imported from a wrong folder.
_START = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


class ProcessError(OSError):
    """A child process that failed, died, or did not end in time."""


def start_module(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen:
    """Starts a module in a child process.

    Args:
        module: The full name of the module.
        *arguments: Its command line.
        environment: Variables to set, in addition to those of this process.
        **options: Further arguments of `subprocess.Popen`.
    """
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-X", f"utf8={sys.flags.utf8_mode}"),
            *("-c", _START, json.dumps(_import_path(module)), module),
            *arguments,
        ],
        env={**os.environ, **(environment or {})},
        **options,
    )


def run_module(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120.0,
) -> str:
    """Runs a module in a child process until it ends.

    Args:
        module: The full name of the module.
        *arguments: Its command line.
        environment: Variables to set, in addition to those of this process.
        timeout: Seconds after which the process is killed.

    Returns:
        The text that the process printed to stdout.

    Raises:
        ProcessError: If the process failed. The message begins with a verb and
            contains the status and the last line of stderr.
    """
    with start_module(
        module,
        *arguments,
        environment=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise ProcessError(f"did not end within {timeout:g} s") from error
    if process.returncode:
        raise ProcessError(describe_death(process.returncode, errors))
    return output


def describe_death(status: int, errors: str) -> str:
    """Describes how a process ended, with the last line of its stderr."""
    name = ""
    if status < 0:  # On POSIX the number of the signal that ended it.
        name = f" ({signal.Signals(-status).name})"
    lines = errors.strip().splitlines()
    # LiteRT's notices are not errors.
    last = "".join([x for x in lines if not x.startswith("INFO:")][-1:])
    return f"died with status {status}{name}" + (f": {last}" if last else "")


def _import_path(module):
    """Returns this process's import path without the current folder.

    The folder of the module's own package is added at the end, because it may
    be the current folder.
    """
    here = pathlib.Path.cwd()
    found = importlib.util.find_spec(module.partition(".")[0])
    assert found is not None and found.submodule_search_locations
    own = pathlib.Path(next(iter(found.submodule_search_locations))).parent
    others = [
        os.path.abspath(path)
        for path in sys.path
        if path and pathlib.Path(path).resolve() != here.resolve()
    ]
    return [*others, str(own)]
