"""`tsm-live benchmark`: how long a frame takes, step by step."""

from collections.abc import Sequence

import numpy as np

from tsm_live.cli.measure import measure
from tsm_live.cli.one_line_parser import OneLineParser, add_runtime
from tsm_live.sessions.open_session import open_session

_PERCENTILES = (50, 95, 99)


def main(arguments: Sequence[str]) -> int:
    """Prints a table.

    Returns:
        0.

    Raises:
        ValueError, OSError, ImportError, AcceleratorError: What a user can
            mend.
    """
    parser = OneLineParser(
        prog="tsm-live benchmark",
        description="Times each step of a live run over a video: reading it, "
        "resizing, the network alone, the decision, drawing.",
        allow_abbrev=False,
    )
    add_runtime(parser)
    parser.add_argument("--source", required=True, help="a video file")
    parser.add_argument(
        "--frames", type=int, default=300, help="to time (%(default)s)"
    )
    options = parser.parse(arguments)
    if options.frames < 1:
        raise ValueError(
            f"--frames must be positive. Received: {options.frames}"
        )
    session = open_session(
        options.model, accelerator=options.accelerator, threads=options.threads
    )
    times = measure(session, options.source, options.frames)
    print(f"{'':12}" + "".join(f"{f'p{p} ms':>10}" for p in _PERCENTILES))
    for name, seconds in times.items():
        figures = np.percentile(seconds, _PERCENTILES) * 1e3
        print(f"{name:12}" + "".join(f"{figure:10.3f}" for figure in figures))
    print(
        f"{options.frames} frames of {options.source}; {session.accelerator}, "
        f"{options.threads} thread(s), {session.streams} stream(s)"
    )
    return 0
