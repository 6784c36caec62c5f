"""`tsm-live benchmark`: times each step of a live run."""

from collections.abc import Sequence

import numpy as np
from absl import flags

from tsm_live.cli.command_line import (
    CommandLine,
    RuntimeOptions,
    add_runtime,
    given,
)
from tsm_live.cli.measure import measure
from tsm_live.sessions.open_session import open_session

_PERCENTILES = (50, 95, 99)


def main(arguments: Sequence[str]) -> int:
    """Prints a table of times; returns the exit status, 0.

    Raises:
        ValueError, OSError, ImportError: For errors that the user can fix.
    """
    command = CommandLine(
        "tsm-live benchmark",
        "times each step of a live run over a video: reading, resizing, the "
        "network alone, the decision, drawing.",
        required=("model", "source"),
    )
    add_runtime(command)
    command.define(
        "video",
        ("source", flags.DEFINE_string, None, "The video file."),
        (
            "frames",
            flags.DEFINE_integer,
            300,
            "Number of frames to time.",
            {"lower_bound": 1},
        ),
    )
    options = command.parse(arguments)
    runtime = RuntimeOptions(**given(options, RuntimeOptions))
    session = open_session(
        options.model,
        accelerator=runtime.accelerator,
        threads=runtime.threads,
        isolated=runtime.isolated,
    )
    times = measure(session, options.source, options.frames)
    print(f"{'':12}" + "".join(f"{f'p{p} ms':>10}" for p in _PERCENTILES))
    for name, seconds in times.items():
        figures = np.percentile(seconds, _PERCENTILES) * 1e3
        print(f"{name:12}" + "".join(f"{figure:10.3f}" for figure in figures))
    print(
        f"{options.frames} frames of {options.source}; {session.accelerator}, "
        f"{runtime.threads} thread(s), {session.streams} stream(s)"
    )
    return 0
