"""`tsm-jetson`: runs an ONNX artifact over a video file."""

from collections.abc import Sequence

from tsm_live.cli.console import run_command, run_console


def run() -> None:
    """The console script."""
    run_console(main)


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns the exit status."""
    # CUDA and TensorRT fail with RuntimeError.
    return run_command("tsm-jetson", _annotate, arguments, (RuntimeError,))


def _annotate(arguments):
    from tsm_jetson.sessions import RUNTIMES, open_session
    from tsm_live.cli.annotate import annotate_video
    from tsm_live.cli.one_line_parser import OneLineParser
    from tsm_live.cli.own_files import check_written
    from tsm_live.sources.open_source import source_file

    parser = OneLineParser(
        prog="tsm-jetson",
        description="Runs a streaming TSM artifact over a video, in TensorRT "
        "or in ONNX Runtime.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--model",
        required=True,
        metavar="FILE",
        help="an .onnx file of `tsm export --format=onnx`",
    )
    add("--source", required=True, metavar="FILE", help="a video file")
    add(
        "--output",
        required=True,
        metavar="FILE",
        help="an annotated .mp4, .mkv, .avi",
    )
    add("--runtime", choices=RUNTIMES, default="auto")
    add("--engines", metavar="FOLDER", help="to keep TensorRT engines in")
    options = parser.parse(arguments)
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
