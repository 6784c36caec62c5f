"""Kills a run of `tsm prepare` five times and compares what it ends with.

    python -m benchmarks.scale.killed_runs

Prepares 20,000 tiny clips once without interruption. Then it prepares them
again, and kills the run and its workers with SIGKILL five times, each time
after another sixth of the shards. All files must be equal. It also prints how
long a run that continues takes until it writes its next shard.

The exit status is 1 if a file differs.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
from absl import app, flags

from tsm_keras.data.video.encoding import write_video
from tsm_keras.file_hash import file_sha256

FLAGS = flags.FLAGS
flags.DEFINE_integer("clips", 20_000, "Number of clips.", lower_bound=300)

_KILLS = 5
_RUN = "import sys, tsm_keras; tsm_keras.prepare(sys.argv[1], sys.argv[2])"


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = _write_clips(folder / "videos")
        start = time.perf_counter()
        _start(source, folder / "whole").wait()
        seconds = time.perf_counter() - start
        print(f"without interruption: {seconds:.0f} s")
        shards = len(list((folder / "whole").glob("*.tfrecord")))
        for turn in range(_KILLS):
            _kill_after(source, folder / "set", (turn + 1) * shards // 6)
        _start(source, folder / "set").wait()
        equal = _hashes(folder / "set") == _hashes(folder / "whole")
    print("all files are equal" if equal else "FAIL: files differ")
    return 0 if equal else 1


def _write_clips(folder):
    """Writes a video of four tiny frames, and links to it."""
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    write_video(folder.with_suffix(".mp4"), frames, fps=4.0)
    for number in range(FLAGS.clips):
        link = folder / f"class{number % 4}" / f"{number}.mp4"
        link.parent.mkdir(parents=True, exist_ok=True)
        os.link(folder.with_suffix(".mp4"), link)
    return folder


def _start(source, to):
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, source, to], start_new_session=True
    )


def _kill_after(source, to, wanted):
    """Kills a run when so many shards are there."""
    before, start = _count(to), time.perf_counter()
    process, first = _start(source, to), None
    while process.poll() is None:
        found = _count(to)
        if found > before and first is None:
            first = time.perf_counter() - start
        if found >= wanted:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.02)
    print(f"killed after {found} shards; the first came after {first:.1f} s")


def _count(folder):
    return len(list(folder.glob("*.tfrecord")))


def _hashes(folder):
    return {path.name: file_sha256(path) for path in folder.iterdir()}


if __name__ == "__main__":
    app.run(main)
