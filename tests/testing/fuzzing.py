"""Fuzzing of `tsm_live`: mutated model files and frames, by seed.

    python -m testing.fuzzing FOLDER FIRST COUNT

tries cases in this process, and prints a line for each: its seed, and what
came of it. FOLDER holds the artifacts to mutate, `*.tflite`.
"""

import collections
import dataclasses
import os
import pathlib
import random
import subprocess
import sys

import numpy as np

from testing.mutations import (
    MUTATIONS,
    model_bytes,
    mutated_bytes,
    mutated_spec,
)
from tsm_live import StreamingSession, read_spec
from tsm_live.artifact.file import write_spec


@dataclasses.dataclass
class Outcomes:
    """What came of many cases.

    Attributes:
        counts: By kind of case and what came of it.
        deaths: Seed, status and last words of each process that died.
        errors: Errors other than the promised ones.
    """

    counts: collections.Counter
    deaths: list[str]
    errors: list[str]


def fuzz(folder: str | os.PathLike, first: int, count: int) -> Outcomes:
    """Tries `count` cases from seed `first` on, in processes of their own."""
    outcomes = Outcomes(collections.Counter(), [], [])
    end, seed = first + count, first
    while seed < end:
        process = subprocess.run(
            [
                *(sys.executable, "-m", "testing.fuzzing"),
                *(os.fspath(folder), str(seed), str(end - seed)),
            ],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        for line in process.stdout.splitlines():
            number, _, came = line.partition(" ")
            if number == str(seed):  # LiteRT prints lines of its own.
                seed += 1
                outcomes.counts[came.split(": ")[0]] += 1
                if "ERROR" in came:
                    outcomes.errors.append(line)
        if process.returncode:
            words = process.stderr.strip().splitlines()[-1:]
            outcomes.deaths.append(f"{seed}: {process.returncode} {words}")
            seed += 1
    return outcomes


def _main(folder, first, count):
    artifacts = sorted(pathlib.Path(folder).glob("*.tflite"))
    session = StreamingSession(artifacts[0])
    for seed in range(int(first), int(first) + int(count)):
        rng = random.Random(seed)
        if rng.random() < 0.25:
            kind, came = "frame", _try_frame(session, rng)
        else:
            kind, came = _try_file(rng.choice(artifacts), rng)
        print(seed, kind, came, flush=True)


def _try_file(artifact, rng):
    path = artifact.parent / f"mutated_{os.getpid()}"
    kind = rng.choice(("whole_file", "spec", *MUTATIONS))
    content, spec = model_bytes(artifact), read_spec(artifact)
    if kind == "whole_file":
        path.write_bytes(mutated_bytes(artifact.read_bytes(), rng))
    else:
        if kind == "spec":
            spec = mutated_spec(spec, rng)
        else:
            content = MUTATIONS[kind](content, rng)
        path.write_bytes(content)
        if spec is not None:
            write_spec(path, spec)  # With a hash that is right.
    try:
        session = StreamingSession(path)
        for _ in range(2):
            frame = np.full((40, 50, 3), rng.randrange(256), np.uint8)
            session.step_streams([frame] * session.streams)
        return kind, "ran"
    except ValueError:
        return kind, "refused"
    except Exception as error:
        return kind, f"ERROR: {type(error).__name__}: {error}".replace(
            "\n", " "
        )
    finally:
        path.unlink(missing_ok=True)


def _try_frame(session, rng):
    rank = rng.choice((3, 3, 3, 3, 0, 1, 2, 4))
    sides = (0, 1, 3, 20, 50, 63, 64, 65, 300, 1000)
    shape = tuple(rng.choice(sides) for _ in range(rank))
    if rng.random() < 0.8:
        shape = (*shape[:2], 3)
    if np.prod(shape) > 1e7:
        shape = shape[:2]
    dtype = rng.choice(("uint8",) * 9 + ("float32", "int64", "object", "U3"))
    frame = np.zeros(shape, dtype)
    if dtype == "uint8":
        frame += np.uint8(rng.randrange(256))
        frame = rng.choice(
            (frame, frame[::-1] if shape else frame) * 3 + (frame.T,)
        )
    frame = rng.choice((frame,) * 9 + (None, "frame", 7, [[1], [1, 2]]))
    before = session._network.read_state()
    try:
        session.step(frame, color=rng.choice(("rgb", "bgr", "bgr", "rgb", 3)))
        return "ran"
    except ValueError:
        after = session._network.read_state()
        same = all(map(np.array_equal, before, after))
        return "refused" if same else "ERROR: the state was touched"
    except Exception as error:
        return f"ERROR: {type(error).__name__}: {error}".replace("\n", " ")


if __name__ == "__main__":
    _main(*sys.argv[1:])
