"""Runs `tsm` and `tsm-live`: as a user does, or quickly in this process."""

import contextlib
import io
import os
import subprocess
import sys
from unittest import mock

from testing.checkout import PACKAGE_ROOTS
from tsm_cli.main import dispatch


def tsm(*arguments, cwd=None, ok=False):
    """Runs `tsm`; returns what it printed, as (stdout, stderr)."""
    path = os.pathsep.join(map(str, PACKAGE_ROOTS.values()))
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tsm_cli.main import run; run()",
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (result.returncode == 0) == ok, result
    return result.stdout, result.stderr


def start_tsm_live(*arguments, **options):
    """Starts `tsm-live`, which can import only its own package.

    Args:
        *arguments: The arguments of the command line.
        **options: The options of `subprocess.Popen`; both outputs are pipes by
            default.
    """
    return _start("tsm_live.cli.main", ["tsm_live"], arguments, options)


def start_tsm_jetson(*arguments, before="", **options):
    """Starts `tsm-jetson`, which can import `tsm_live` and its own package.

    Args:
        *arguments: The arguments of the command line.
        before: Python code that the process runs first.
        **options: The options of `subprocess.Popen`.
    """
    packages = ["tsm_jetson", "tsm_live"]
    return _start("tsm_jetson.main", packages, arguments, options, before)


def _start(module, packages, arguments, options, before=""):
    path = os.pathsep.join(str(PACKAGE_ROOTS[name]) for name in packages)
    displays = ("DISPLAY", "WAYLAND_DISPLAY")
    environment = {k: v for k, v in os.environ.items() if k not in displays}
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{before}\nfrom {module} import run; run()",
            *map(str, arguments),
        ],
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "env": {**environment, "PYTHONPATH": path},
            **options,
        },
    )


def tsm_here(*arguments, cwd="."):
    """Runs `tsm` in this process, where it must succeed.

    A process of its own would import TensorFlow anew, which takes seconds.

    Returns:
        What it printed.
    """
    status, output, error = _dispatched(arguments, cwd)
    assert status == 0, error
    return output


def refused(*arguments, cwd="."):
    """Runs `tsm` in this process; it must fail with a single line.

    Returns:
        The line.
    """
    status, output, error = _dispatched(arguments, cwd)
    assert status in (1, 2), output
    return _only_line(error)


def _dispatched(arguments, cwd):
    """Returns the exit status and what was printed, as (stdout, stderr)."""
    here, output, errors = os.getcwd(), io.StringIO(), io.StringIO()
    os.chdir(cwd)
    try:
        with (
            # It would last until this process ends.
            mock.patch("tsm_live.runtimes.native_logs.silence_native_logs"),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            status = dispatch([*map(str, arguments)])
    finally:
        os.chdir(here)
    return status, output.getvalue(), errors.getvalue()


def refused_process(*arguments, cwd=None):
    """Does what `refused` does, but in a process, as a user does."""
    _, error = tsm(*arguments, cwd=cwd)
    return _only_line(error)


def _only_line(error):
    lines = error.strip().splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("tsm") and ": error: " in lines[0]
    return lines[0]
