"""Compares one artifact for N cameras with one session per camera.

    python -m benchmarks.streaming.multi_camera

The network is MobileNetV2 with random weights. For N = 1, 2, 4 and 8 streams, a
step takes one frame of each stream, either in one call of an artifact for N
streams, or in N calls of sessions for one stream. The two take turns.

The benchmark takes three minutes. It prints ratios and has no bar.
"""

import importlib.metadata
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from absl import app, flags

from benchmarks.streaming.mobilenet_artifact import mobilenet_artifact
from benchmarks.timing import Ratio, print_machine, report
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_live import StreamingSession

FLAGS = flags.FLAGS
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_integer("rounds", 60, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")
flags.DEFINE_enum("quantize", "none", ["none", "int8"], "Quantization.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_multi_integer("streams", [1, 2, 4, 8], "Numbers of streams.")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(LiteRT=importlib.metadata.version("ai-edge-litert"))
    print(
        f"width {FLAGS.width}, {FLAGS.image_size} px, "
        f"quantize={FLAGS.quantize}, {FLAGS.threads} thread(s)"
    )
    variants, items, ratios = {}, {}, []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        options = {
            "quantize": FLAGS.quantize,
            "width": FLAGS.width,
            "image_size": FLAGS.image_size,
        }
        single = mobilenet_artifact(folder, **options)
        for streams in FLAGS.streams:
            batched = mobilenet_artifact(folder, streams=streams, **options)
            together, apart = f"one batch of {streams}", f"{streams} sessions"
            variants[together] = batched_step(batched)
            variants[apart] = separate_steps(single, streams)
            items |= {together: streams, apart: streams}
            ratios.append(Ratio(apart, together))
        times = interleave(
            variants, rounds=FLAGS.rounds, untimed_calls=1, clock=FLAGS.clock
        )
    report(times, ratios, items=items)
    return 0


def batched_step(path):
    session = StreamingSession(path, threads=FLAGS.threads)
    frames = camera_frames(session.streams)
    return lambda: session.step_streams(frames)


def separate_steps(path, count):
    pairs = [
        (StreamingSession(path, threads=FLAGS.threads), frame)
        for frame in camera_frames(count)
    ]
    return lambda: [session.step(frame) for session, frame in pairs]


def camera_frames(count):
    shape = count, FLAGS.image_size, FLAGS.image_size, 3
    return list(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


if __name__ == "__main__":
    app.run(main)
