"""Measures how much faster `tsm flow` is on two cores than on one.

    python -m benchmarks.scale.flow_speed

Computes the flow of generated videos with all processes held to one core, and
on two, in turn. Between them stands a pure CPU task, in one process and in two:
what the machine itself gains from a second core, which is the most that
`tsm flow` can gain. Nothing else should run.
"""

import functools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags

from benchmarks.scale.cpu_task import cpu_task_seconds
from benchmarks.timing import print_machine
from tsm_keras.data.video.encoding import write_video

FLAGS = flags.FLAGS
flags.DEFINE_integer("clips", 16, "Number of clips.", lower_bound=2)
flags.DEFINE_integer("frames", 75, "Frames of a clip.", lower_bound=2)
flags.DEFINE_integer("rounds", 3, "Number of rounds.", lower_bound=1)

_HEIGHT, _WIDTH = 256, 340
# The import of TensorFlow does not count.
_RUN = """
import sys, time
from tsm_keras.command_flags import parse
from tsm_keras.data.prepare import flow_command
arguments = parse(flow_command.FLAGS, "tsm flow", sys.argv[1:])
start = time.perf_counter()
flow_command.main(arguments)
print(time.perf_counter() - start)
"""


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine()
    print(f"load: {os.getloadavg()[0]:.2f}, {FLAGS.clips} clips")
    found, alone = {1: [], 2: []}, {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        _write_clips(folder / "videos")
        for turn in range(FLAGS.rounds):
            for cores in (1, 2):
                alone[cores].append(cpu_task_seconds(cores))
                to = folder / f"{turn}-{cores}"
                found[cores].append(_flow(folder / "videos", to, cores))
                speed = FLAGS.clips * FLAGS.frames / found[cores][-1]
                print(f"{cores} cores: {speed:.1f} frames/s", flush=True)
    gain, limit = (
        statistics.median(times[1]) / statistics.median(times[2])
        for times in (found, alone)
    )
    limit *= 2  # Two processes have done twice the work.
    print(
        f"2 cores are {gain:.2f} times as fast as 1, of {limit:.2f} that the "
        f"machine allows: {gain / limit:.2f} of linear"
    )


def _write_clips(folder):
    """Writes videos of moving noise."""
    rng = np.random.default_rng(0)
    for number in range(FLAGS.clips):
        noise = rng.integers(
            0, 256, (_HEIGHT // 8, _WIDTH // 8 + 64, 3), np.uint8
        )
        wide = noise.repeat(8, 0).repeat(8, 1)
        frames = [wide[:, 2 * i :][:, :_WIDTH] for i in range(FLAGS.frames)]
        path = folder / f"class{number % 2}" / f"{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, frames, fps=25.0)


def _flow(data, to, cores):
    """Returns the seconds that the command takes on some cores."""
    result = subprocess.run(
        [sys.executable, "-c", _RUN, f"--data={data}", f"--to={to}"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=functools.partial(os.sched_setaffinity, 0, range(cores)),
    )
    return float(result.stdout.splitlines()[-1])


if __name__ == "__main__":
    app.run(main)
