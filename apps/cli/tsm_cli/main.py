"""The `tsm` command: finds a command and runs it."""

import builtins
import difflib
import importlib
import os
import re
import sys
from collections.abc import Sequence

# The module and the summary of each command. A module has `FLAGS` and
# `main(arguments)`, which may return an exit status. It is imported only when
# its command runs, so that `tsm --help` is fast.
_COMMANDS = {
    "quickstart": (
        "tsm_cli.quickstart",
        "try all steps on generated gestures, from videos to a report",
    ),
    "prepare": (
        "tsm_keras.data.prepare.command",
        "convert a collection of videos to a fast training data set",
    ),
    "data": (
        "tsm_cli.data",
        "show clips of a data set as training sees them",
    ),
    "flow": (
        "tsm_keras.data.prepare.flow_command",
        "compute the optical flow of videos, for two-stream models",
    ),
    "train": (
        "tsm_keras.training.command",
        "train a preset on a folder of videos",
    ),
    "expand": (
        "tsm_cli.expand.command",
        "grow a small network step by step to the best one for a budget",
    ),
    "evaluate": (
        "tsm_cli.evaluate.command",
        "measure the accuracy of presets and artifacts",
    ),
    "predict": (
        "tsm_cli.predict.command",
        "predict the classes of videos, or events in long videos",
    ),
    "export": (
        "tsm_export.command",
        "convert a preset to a .tflite or .onnx artifact, and verify it",
    ),
    "verify": (
        "tsm_export.verify.command",
        "check an artifact on this machine: accuracy, long streams, GPU",
    ),
    "benchmark": (
        "tsm_export.verify.benchmark_command",
        "compare the latency, memory and size of artifacts",
    ),
    "vectors": (
        "tsm_cli.vectors.command",
        "write test vectors of an artifact, for runtimes in other languages",
    ),
    "import-weights": (
        "tsm_keras.checkpoints.import_command",
        "convert PyTorch weights to a preset",
    ),
    "export-weights": (
        "tsm_keras.checkpoints.export_command",
        "write the weights of a preset for PyTorch",
    ),
    "presets": (
        "tsm_keras.checkpoints.presets_command",
        "list the published checkpoints that can be imported",
    ),
    "info": ("tsm_cli.info", "describe a preset or an artifact"),
    "web": ("tsm_cli.web", "run an artifact in the browser of this machine"),
}


_MEMORY = (
    "there is not enough memory. Lower the number of clips per batch "
    "(--batch_size; in training, --accumulate then keeps the size of a step), "
    "the size of the frames (--size) or their number (--segments)."
)


def run() -> None:
    """Runs the console script `tsm`."""
    try:
        status = dispatch(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # As in `tsm --help | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)


def dispatch(arguments: Sequence[str]) -> int:
    """Runs `tsm COMMAND ...`.

    Args:
        arguments: The arguments after `tsm` on the command line.

    Returns:
        The exit status: 0 for success, 1 if the command failed, 2 if the
        command line is wrong, 130 after Ctrl-C.
    """
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if arguments else 2
    name, *rest = arguments
    if name == "--version":
        from tsm_keras.version import __version__

        print(__version__)
        return 0
    if name not in _COMMANDS:
        close = difflib.get_close_matches(name, _COMMANDS, n=1)
        hint = f"did you mean `tsm {close[0]}`?" if close else "see tsm --help"
        return _fail("tsm", f"there is no command {name!r}; {hint}", 2)
    if not os.environ.get("TSM_VERBOSE"):
        from tsm_live.runtimes.native_logs import silence_native_logs

        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        silence_native_logs()
    module, _ = _COMMANDS[name]
    return _run_command(f"tsm {name}", module, rest)


def _run_command(program, module, arguments):
    from absl import flags

    from tsm_keras.command_flags import parse

    try:
        command = importlib.import_module(module)
        if {"-h", "--help"} & set(arguments):
            print(_command_help(program, command))
            return 0
        positional = parse(command.FLAGS, program, arguments)
    except flags.Error as error:
        return _fail(program, f"{error} (see {program} --help)", 2)
    except ImportError as error:
        return _fail(
            program,
            f"{error}. To install missing packages: pip install tsm-keras",
        )
    try:
        status = command.main(positional)
    except flags.Error as error:
        return _fail(program, f"{error} (see {program} --help)", 2)
    except (ValueError, OSError, ImportError) as error:
        # A user can fix these errors. Others are bugs and keep the traceback.
        if os.environ.get("TSM_VERBOSE"):
            raise
        return _fail(program, str(error))
    except Exception as error:
        reason = _reading_error(error)
        if reason is None or os.environ.get("TSM_VERBOSE"):
            raise
        return _fail(program, reason)
    except KeyboardInterrupt:
        return _fail(program, "interrupted", 130)
    return status or 0


def _reading_error(error):
    """Returns the part of an error that a user can act on, or None.

    An error that is raised inside tf.data arrives as the text of an error of
    TensorFlow, with its type, message and traceback.
    """
    if isinstance(error, MemoryError):
        return f"{_MEMORY} Python says: {error}"
    tensorflow = sys.modules.get("tensorflow")
    if not tensorflow or not isinstance(error, tensorflow.errors.OpError):
        return None
    if isinstance(error, tensorflow.errors.ResourceExhaustedError):
        return f"{_MEMORY} TensorFlow says: {error.message.splitlines()[0]}"
    if isinstance(error, tensorflow.errors.DataLossError):
        return f"the data is damaged: {error.message.splitlines()[0]}"
    found = re.search(r"(\w+Error): (.*)\nTraceback ", error.message)
    if found is None:
        return None
    kind, reason = found.groups()
    fixable = isinstance(getattr(builtins, kind, None), type) and issubclass(
        getattr(builtins, kind), (ValueError, OSError)
    )
    return reason if fixable or kind == "VideoError" else None


def _fail(program, message, status=1):
    print(f"{program}: error: {message}", file=sys.stderr)
    return status


def _usage():
    lines = ["usage: tsm COMMAND [--flag=value ...]", "", "commands:"]
    for name, (_, summary) in _COMMANDS.items():
        lines.append(f"  {name:16}{summary}")
    lines += [
        "",
        "`tsm COMMAND --help` lists the flags of a command. TSM_VERBOSE=1 in",
        "the environment shows the logs of TensorFlow and full tracebacks.",
    ]
    return "\n".join(lines)


def _command_help(program, command):
    from tsm_keras.command_flags import grouped_flags
    from tsm_live.cli.command_line import flag_lines

    lines = [f"{program}: {command.__doc__.strip()}"]
    groups = grouped_flags(command.FLAGS, command.__name__)
    if not groups:
        lines += ["", "flags: none"]
    for group, members in groups.items():
        lines += ["", f"{group} flags:".removeprefix("other ")]
        for flag in members:
            # absl adds this to the help of flags that may be repeated.
            text, _, _ = flag.help.partition(";\n    repeat this option")
            if flag.default not in (None, []) and "(default: " not in text:
                text += f" (default: {flag.default_as_str.strip(chr(39))})"
            lines += flag_lines(flag.name, text)
    return "\n".join(lines)
