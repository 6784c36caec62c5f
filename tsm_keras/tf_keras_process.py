"""Runs a function, or the whole command, in a process that uses tf_keras."""

import importlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback
from typing import Any

from tsm_keras.child_code import isolated_code
from tsm_keras.keras_version import KERAS_3

# Errors of these kinds are raised again in the process that waits.
_ERRORS = {
    kind.__name__: kind
    for kind in (ValueError, OSError, ImportError, RuntimeError)
}


def run_in_tf_keras(function: str, *arguments: Any) -> None:
    """Calls a function in a separate process that uses tf_keras.

    A process cannot switch: its version of Keras is chosen when TensorFlow
    is imported. If this process uses tf_keras, the function is called here.

    Args:
        function: The function, as `"module:name"`.
        *arguments: Arguments of the function, as JSON values.

    Raises:
        ValueError, OSError, ImportError: If the function raised one.
        RuntimeError: If the function failed in another way.
    """
    if not KERAS_3:
        _call(function, arguments)
        return
    _require_tf_keras()
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        problem = pathlib.Path(folder) / "problem.json"
        code = "from tsm_keras.tf_keras_process import _called; _called()"
        status = subprocess.run(
            [
                *(sys.executable, *isolated_code(code)),
                *(function, json.dumps(arguments), problem),
            ],
            env={
                **os.environ,
                "TF_USE_LEGACY_KERAS": "1",
            },
            check=False,
        ).returncode
        if problem.exists():
            kind, message = json.loads(problem.read_text("utf-8"))
            raise _ERRORS[kind](message)
    if status:
        raise RuntimeError(
            f"The tf_keras process that ran {function} ended with the status "
            f"{status}."
        )


def restart_in_tf_keras() -> None:
    """Restarts this process with the same command line and tf_keras.

    It keeps its process id, so that signals still reach it. The function does
    not return. Only commands may call it, before they have done any work.

    Raises:
        ImportError: If tf_keras is missing.
    """
    _require_tf_keras()
    sys.stdout.flush()
    # The new process redirects its error stream itself, so undo that here.
    os.dup2(sys.stderr.fileno(), 2)
    os.execve(
        sys.executable,
        [sys.executable, *sys.orig_argv[1:]],
        {**os.environ, "TF_USE_LEGACY_KERAS": "1"},
    )


def _require_tf_keras():
    if importlib.util.find_spec("tf_keras") is None:
        raise ImportError(
            "Quantization-aware and multi-worker training need tf_keras: "
            'pip install "tsm-keras[qat]"'
        )


def _called():
    """Calls the function of `run_in_tf_keras`, in the other process."""
    function, arguments, problem = sys.argv[1:]
    try:
        _call(function, json.loads(arguments))
    except Exception as error:
        found = ["RuntimeError", traceback.format_exc()]
        for name in ("ValueError", "OSError", "ImportError"):
            if isinstance(error, _ERRORS[name]):
                found = [name, str(error)]
        pathlib.Path(problem).write_text(json.dumps(found), "utf-8")


def _call(function, arguments):
    module, name = function.split(":")
    getattr(importlib.import_module(module), name)(*arguments)
