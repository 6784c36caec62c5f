"""What several cameras cost: one batched artifact against a session each.

    python benchmarks/multi_camera.py
    python benchmarks/multi_camera.py --quantize int8

For N = 1, 2, 4, 8 cameras, a round gives the network the next frame of each:
in one call of an artifact exported with `--streams N`, in a call of it in
which one camera has no frame (its state must stay as it is), and in N calls of
N sessions of an artifact for one stream. Random weights, LiteRT on the CPU,
frames of the network's own size: nothing is resized.

Takes about two minutes.
"""

import importlib.metadata
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags

from timing import Ratio, print_machine, report
from tsm_export.interleave import interleave
from tsm_export.tflite import export_tflite
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_live.source_sessions import open_sessions

FLAGS = flags.FLAGS
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_enum("quantize", "none", ("none", "int8"), "As for the export.")
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_integer("rounds", 40, "Turns of each variant.", lower_bound=1)

CAMERAS = (1, 2, 4, 8)


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(
        TensorFlow=tf.__version__,
        LiteRT=importlib.metadata.version("ai-edge-litert"),
    )
    print(
        f"network: MobileNetV2, width {FLAGS.width}, {FLAGS.image_size} px, "
        f"{FLAGS.quantize}, {FLAGS.threads} thread(s)"
    )
    with tempfile.TemporaryDirectory() as folder:
        variants, frames = build_variants(pathlib.Path(folder))
        times = interleave(variants, rounds=FLAGS.rounds, untimed_calls=1)
    ratios = [
        Ratio(f"{cameras} in a call", f"{cameras} sessions")
        for cameras in CAMERAS
    ]
    ratios += [
        Ratio(f"{cameras} in a call, one idle", f"{cameras} in a call")
        for cameras in CAMERAS[1:]
    ]
    # The same again: its ratio shows the noise of the run.
    ratios.append(Ratio("1 sessions, again", "1 sessions"))
    report(times, ratios, items=frames)


def build_variants(folder):
    """Returns what to time, and how many frames each takes, by name."""
    rng = np.random.default_rng(0)
    size = FLAGS.image_size
    clips = rng.integers(0, 256, (1, 8, size, size, 3), np.uint8)
    model = build_clip_model(
        VideoClassifierConfig(
            num_classes=27,
            width=FLAGS.width,
            shift="causal",
            image_size=size,
            resize_size=size,
            labels=tuple(f"class {k}" for k in range(27)),
        )
    )

    def sessions(streams, cameras):
        path = folder / f"{streams}.tflite"
        if not path.exists():
            export_tflite(
                model,
                path,
                streams=streams,
                quantize=FLAGS.quantize,
                calibration_clips=clips,
            )
        return open_sessions(path, cameras, threads=FLAGS.threads)

    variants, frames = {}, {}

    def add(name, sessions, count):
        batch = dict(enumerate(clips[0, :count]))
        variants[name] = lambda: sessions.step(batch)
        frames[name] = count

    for cameras in CAMERAS:
        add(f"{cameras} in a call", sessions(cameras, cameras), cameras)
        if cameras > 1:
            add(
                f"{cameras} in a call, one idle",
                sessions(cameras, cameras),
                cameras - 1,
            )
        add(f"{cameras} sessions", sessions(1, cameras), cameras)
    add("1 sessions, again", sessions(1, 1), 1)
    return variants, frames


if __name__ == "__main__":
    app.run(main)
