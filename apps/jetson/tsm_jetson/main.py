"""`tsm-jetson`: runs an ONNX artifact over a video file."""

from collections.abc import Sequence

from tsm_live.cli.console import run_command, run_console


def run() -> None:
    """Runs the console script."""
    run_console(main)


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns the exit status."""
    # CUDA and TensorRT fail with RuntimeError.
    return run_command("tsm-jetson", _annotate, arguments, (RuntimeError,))


def _annotate(arguments):
    from absl import flags

    from tsm_jetson.sessions import RUNTIMES, open_session
    from tsm_live.cli.annotate import annotate_video
    from tsm_live.cli.command_line import CommandLine
    from tsm_live.cli.own_files import check_written
    from tsm_live.sources.open_source import source_file

    command = CommandLine(
        "tsm-jetson",
        "runs a streaming TSM artifact over a video, in TensorRT or in ONNX "
        "Runtime.",
        required=("model", "source", "output"),
    )
    command.define(
        "flags",
        (
            "model",
            flags.DEFINE_string,
            None,
            "The .onnx file of `tsm export --format=onnx`.",
        ),
        ("source", flags.DEFINE_string, None, "The video file."),
        (
            "output",
            flags.DEFINE_string,
            None,
            "The annotated video to write: .mp4, .mkv, .avi.",
        ),
        (
            "runtime",
            flags.DEFINE_enum,
            "auto",
            "The runtime. auto takes TensorRT if it is installed.",
            {"enum_values": RUNTIMES},
        ),
        (
            "engines",
            flags.DEFINE_string,
            None,
            "The folder for TensorRT engines.",
        ),
    )
    options = command.parse(arguments)
    read = [("--model", options.model)]
    path = source_file(options.source)
    if path is not None:
        read.append(("--source", path))
    check_written([("--output", options.output)], read)
    session = open_session(
        options.model, runtime=options.runtime, engines=options.engines
    )
    result = annotate_video(session, options.source, options.output)
    print(f"{result}; wrote {options.output}")
    return 0
