"""`tsm-live`: runs an artifact over a video file."""

import argparse
import sys
from collections.abc import Sequence


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tsm-live",
        description="Runs a streaming TSM artifact over a video.",
    )
    parser.add_argument(
        "--model", required=True, help="a .tflite or .onnx artifact"
    )
    parser.add_argument("--source", required=True, help="a video file")
    parser.add_argument("--output", required=True, help="an MP4 to write")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)

    # Loaded after the arguments are known to be right: --help is instant.
    from tsm_live.annotate import annotate_video
    from tsm_live.any_session import open_session

    try:
        session = open_session(options.model, threads=options.threads)
        result = annotate_video(session, options.source, options.output)
    except (ValueError, OSError, ImportError) as error:
        print(f"tsm-live: error: {error}", file=sys.stderr)
        return 1
    print(f"{result}; wrote {options.output}")
    return 0
