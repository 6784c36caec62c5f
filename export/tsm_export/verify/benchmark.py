"""benchmark: what artifacts cost, side by side in one run."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from tsm_export.verify.interleave import interleave
from tsm_live.runtimes.dry_run import dry_step
from tsm_live.runtimes.own_process import ProcessError, run_module

_PATIENCE = 300.0  # Seconds in which a file must be loaded and run.


@dataclasses.dataclass(frozen=True)
class Cost:
    """What running an artifact costs.

    Attributes:
        seconds: Of each timed step: a frame of every stream, or a clip.
        init_seconds: To load the file in a fresh process, once.
        memory: Bytes by which that process grows, loading and running it.
        size: Of the file, in bytes.
    """

    seconds: np.ndarray
    init_seconds: float
    memory: int
    size: int


def benchmark(
    paths: Sequence[str | os.PathLike], *, threads: int = 1, rounds: int = 200
) -> list[Cost]:
    """Runs artifacts in turns.

    Args:
        paths: The files.
        threads: Of each interpreter.
        rounds: Timed steps of each.

    Raises:
        ArtifactError: If a file is no artifact.
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
