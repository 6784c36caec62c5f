"""`tsm-jetson`: runs an ONNX artifact over a video file."""

import argparse
import sys
from collections.abc import Sequence


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns the exit status."""
    from tsm_jetson.sessions import RUNTIMES, open_session
    from tsm_live.annotate import annotate_video

    parser = argparse.ArgumentParser(
        prog="tsm-jetson",
        description="Runs a streaming TSM artifact over a video, in TensorRT "
        "or in ONNX Runtime.",
    )
    parser.add_argument("--model", required=True, help="an .onnx artifact")
    parser.add_argument("--source", required=True, help="a video file")
    parser.add_argument("--output", required=True, help="an MP4 to write")
    parser.add_argument("--runtime", choices=RUNTIMES, default="auto")
    parser.add_argument("--engines", help="folder to keep TensorRT engines in")
    options = parser.parse_args(arguments)
    try:
        session = open_session(
            options.model, runtime=options.runtime, engines=options.engines
        )
        result = annotate_video(session, options.source, options.output)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"tsm-jetson: error: {error}", file=sys.stderr)
        return 1
    print(f"{result}; wrote {options.output}")
    return 0
