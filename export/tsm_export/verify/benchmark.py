"""benchmark: measures time and memory of artifacts side by side."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from tsm_export.verify.interleave import interleave
from tsm_live.runtimes.dry_run import dry_step
from tsm_live.runtimes.own_process import ProcessError, run_module

_PATIENCE = 300.0  # Seconds after which loading and running a file fails.


@dataclasses.dataclass(frozen=True)
class Cost:
    """The time and the memory that an artifact takes.

    Attributes:
        seconds: The seconds of each timed step. A step is a frame of every
            stream, or a clip.
        init_seconds: The seconds to load the file in a fresh process.
        memory: The bytes by which that process grows when it loads and runs
            the file.
        size: The size of the file in bytes.
    """

    seconds: np.ndarray
    init_seconds: float
    memory: int
    size: int


def benchmark(
    paths: Sequence[str | os.PathLike], *, threads: int = 1, rounds: int = 200
) -> list[Cost]:
    """Measures artifacts, whose steps take turns.

    Args:
        paths: The files.
        threads: The number of threads of each runtime.
        rounds: The number of timed steps per file.

    Raises:
        ArtifactError: If a file is not an artifact.
    """
    names = [str(index) for index in range(len(paths))]
    steps = {
        name: dry_step(path, threads=threads)
        for name, path in zip(names, paths, strict=True)
    }
    fresh = [_in_a_fresh_process(path, threads) for path in paths]
    times = interleave(steps, rounds=rounds, untimed_calls=1)
    return [
        Cost(
            seconds=times[name], size=pathlib.Path(path).stat().st_size, **alone
        )
        for name, path, alone in zip(names, paths, fresh, strict=True)
    ]


def _in_a_fresh_process(path, threads):
    try:
        output = run_module(
            "tsm_live.runtimes.dry_run",
            *(os.fspath(path), str(threads)),
            timeout=_PATIENCE,
        )
    except ProcessError as error:
        raise OSError(
            f"The process that ran {os.fspath(path)} {error}"
        ) from error
    return json.loads(output)
