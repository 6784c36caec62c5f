"""Measures how `tsm prepare` grows with workers, and what its parent costs.

    python -m benchmarks.scale.prepare_speed --clips=200 --seconds=10

Prepares copies of one generated video with one worker and with two, in turn.
Each run is a process of its own, so that the CPU time of the parent and that of
its workers are known apart. Between the two stands a pure CPU task, in one
process and in two: what the machine itself gains from a second process, which
is the most that `tsm prepare` can gain.

The bars: at least 0.9 of that gain, and at most 5% of the CPU time in the
parent. The exit status is 1 if a bar is missed. Nothing else should run.
"""

import json
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
flags.DEFINE_integer("clips", 200, "Number of clips.", lower_bound=8)
flags.DEFINE_integer("seconds", 10, "Length of a clip.", lower_bound=1)
flags.DEFINE_integer("rounds", 3, "Number of rounds.", lower_bound=1)
flags.DEFINE_integer("size", 256, "Height of a clip.", lower_bound=16)

_EFFICIENCY = 0.9
_PARENT = 0.05
_RUN = """
import json, resource, sys, time
start = time.perf_counter()
import tsm_keras
tsm_keras.prepare(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]))
seconds = time.perf_counter() - start
own = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "seconds": seconds,
    "parent": own.ru_utime + own.ru_stime,
    "workers": children.ru_utime + children.ru_stime,
    "memory": own.ru_maxrss / 1e3,
}))
"""


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine()
    print(f"load: {os.getloadavg()[0]:.2f}, {FLAGS.clips} clips")
    found = {1: [], 2: []}
    alone = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = _write_clips(folder / "videos")
        for turn in range(FLAGS.rounds):
            for workers in (1, 2):
                alone[workers].append(cpu_task_seconds(workers))
                to = folder / f"{turn}-{workers}"
                run = _prepare(source, to, workers)
                found[workers].append(run)
                share = run["parent"] / (run["parent"] + run["workers"])
                print(
                    f"{workers} workers: {FLAGS.clips / run['seconds']:.1f} "
                    f"clips/s, parent {share:.1%} of CPU, "
                    f"{run['memory']:.0f} MB"
                )
    gain = _median(found[1]) / _median(found[2])
    limit = 2 * statistics.median(alone[1]) / statistics.median(alone[2])
    shares = [
        run["parent"] / (run["parent"] + run["workers"]) for run in found[2]
    ]
    share = statistics.median(shares)
    print(
        f"2 workers are {gain:.2f} times as fast as 1, of {limit:.2f} that "
        f"the machine allows: {gain / limit:.2f} of linear, bar >= "
        f"{_EFFICIENCY}; parent {share:.1%} of CPU, bar <= {_PARENT:.0%}"
    )
    return 0 if gain / limit >= _EFFICIENCY and share <= _PARENT else 1


def _write_clips(folder):
    """Writes one video of moving noise and links to it."""
    rng = np.random.default_rng(0)
    height, width = FLAGS.size // 2 * 2, FLAGS.size // 3 * 4
    noise = rng.integers(0, 256, (height // 8, width // 8 + 64, 3), np.uint8)
    wide = noise.repeat(8, 0).repeat(8, 1)
    frames = [
        wide[:, number % 500 :][:, :width]
        for number in range(FLAGS.seconds * 25)
    ]
    original = folder / "original.mp4"
    folder.mkdir()
    write_video(original, frames, fps=25.0)
    for number in range(FLAGS.clips):
        link = folder / "train" / f"class{number % 4}" / f"{number}.mp4"
        link.parent.mkdir(parents=True, exist_ok=True)
        os.link(original, link)
    return folder / "train"


def _prepare(source, to, workers):
    result = subprocess.run(
        [sys.executable, "-c", _RUN, source, to, str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


def _median(runs):
    return statistics.median(run["seconds"] for run in runs)


if __name__ == "__main__":
    app.run(main)
