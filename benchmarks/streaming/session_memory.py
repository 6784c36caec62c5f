"""Checks that a session does not use more memory over many steps.

    python -m benchmarks.streaming.session_memory

Exports a small MobileNetV2 for one stream and for two, as float32 and as int8,
and streams frames of changing sizes through a session of each. Streams are
reset, and one of two streams sometimes has no frame. The resident memory is
printed, and the exit status is 1 if it grows by more than 5 MB after the first
thousand steps. The benchmark takes two minutes.
"""

import gc
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from absl import app, flags

from benchmarks.streaming.mobilenet_artifact import mobilenet_artifact
from benchmarks.timing import print_machine
from tsm_live import StreamingSession
from tsm_live.runtimes.dry_run import memory

FLAGS = flags.FLAGS
flags.DEFINE_integer("steps", 20_000, "Steps per session.", lower_bound=2000)

_BAR = 5e6  # Bytes.
_WARM_UP = 1000  # The number of first steps, which allocate buffers.
_SIZES = ((64, 64), (120, 160), (240, 320), (100, 64))


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        growths = [
            growth(pathlib.Path(folder), quantize, streams)
            for quantize in ("none", "int8")
            for streams in (1, 2)
        ]
    return 0 if max(growths) <= _BAR else 1


def growth(folder, quantize, streams):
    """Returns the growth of the process in bytes."""
    path = mobilenet_artifact(
        folder, quantize=quantize, streams=streams, image_size=64, width=0.35
    )
    session = StreamingSession(path)
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (*s, 3), np.uint8) for s in _SIZES]
    gc.collect()
    start = highest = 0
    for number in range(FLAGS.steps):
        frame = frames[number % len(frames)]
        others = [None if number % 3 else frame] * (streams - 1)
        session.step_streams([frame, *others], color="bgr")
        if number % 500 == 499:
            session.reset(stream=streams - 1)
        if number % 1000 == 999:
            start = start or memory()
            highest = max(highest, memory())
    grown = highest - start
    print(
        f"{quantize}, {streams} stream(s): {start / 1e6:.1f} MB after "
        f"{_WARM_UP} steps, at most {highest / 1e6:.1f} MB until step "
        f"{FLAGS.steps}: {grown / 1e6:+.2f} MB"
        f"  {'PASS' if grown <= _BAR else 'FAIL'} (<= 5 MB)"
    )
    return grown


if __name__ == "__main__":
    app.run(main)
