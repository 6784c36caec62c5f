"""Measures the latency per frame in TFLite with and without the shift.

    python -m benchmarks.streaming.streaming_latency
    python -m benchmarks.streaming.streaming_latency --backbone resnet50
    python -m benchmarks.streaming.streaming_latency --detector

Exports the streaming network with the causal shift, that with the bidirectional
shift and lookahead, and the plain 2-D network (`shift="none"`), all as float32
and as int8, and the causal clip model, which
an app without streaming would run again for every new frame. All of them have
random weights and take turns in one run, in LiteRT on the CPU. A detector has
no form with lookahead.

A streaming step includes feeding the caches back. The bars apply to the bare
interpreter and also to `StreamingSession.step`, which an app calls. They are
meant for the default flags.

The benchmark takes about two minutes (fifteen for ResNet-50, unless `--rounds`
is lower). The exit status is 1 if a bar is missed.
"""

import importlib.metadata
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.timing import Ratio, print_machine, report
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig, VideoDetectorConfig
from tsm_live.runtimes.dry_run import dry_step
from tsm_live.sessions.open_session import StreamingSession

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "backbone",
    "mobilenet_v2",
    # X3D has no form without its own mixing of frames.
    [name for name, each in BACKBONES.items() if not each.mixes_time],
    "Network to measure.",
)
flags.DEFINE_boolean("detector", False, "Measure a detector of objects.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_integer(
    "shift_div", 8, "One of so many parts of the channels is shifted."
)
flags.DEFINE_integer("num_segments", 8, "Frames per clip of the clip model.")
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_integer("rounds", 200, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")

QUANTIZATIONS = {"float32": "none", "int8": "int8"}
NUM_CLASSES = 27
AGAIN = "plain float32, again"


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(
        TensorFlow=tf.__version__,
        Keras=KERAS_VERSION,
        LiteRT=importlib.metadata.version("ai-edge-litert"),
    )
    print(
        f"network: {'detector, ' if FLAGS.detector else ''}"
        f"{FLAGS.backbone}, width {FLAGS.width}, "
        f"{FLAGS.image_size} px, shift_div {FLAGS.shift_div}, "
        f"clips of {FLAGS.num_segments}, "
        f"{FLAGS.threads} thread(s), {FLAGS.clock} time"
    )
    with tempfile.TemporaryDirectory() as folder:
        variants = build_variants(pathlib.Path(folder))
        times = interleave(
            variants,
            rounds=FLAGS.rounds,
            untimed_calls=1,
            clock=FLAGS.clock,
        )
    ratios = [
        Ratio(f"streaming {dtype}{how}", f"plain {dtype}{how}", at_most=bar)
        for how in ("", ", session")
        for dtype, bar in (("float32", 1.03), ("int8", 1.05))
    ]
    if not FLAGS.detector:
        ratios += [
            Ratio(
                f"lookahead {dtype}{how}",
                f"streaming {dtype}{how}",
                at_most=bar,
            )
            for how in ("", ", session")
            for dtype, bar in (("float32", 1.15), ("int8", np.inf))
        ]
    # A clip of 8 frames should take at least as long as 7.5 steps.
    steps = 7.5 / 8 * FLAGS.num_segments
    ratios.append(Ratio("clip float32", "streaming float32", at_least=steps))
    ratios += [
        Ratio(f"streaming {dtype}, session", f"streaming {dtype}")
        for dtype in QUANTIZATIONS
    ]
    ratios.append(Ratio(AGAIN, "plain float32"))
    return 0 if report(times, ratios) else 1


def build_variants(folder):
    """Exports the models to `folder`; returns the steps to time, by name."""
    rng = np.random.default_rng(0)
    size = FLAGS.image_size
    frames = rng.integers(0, 256, (1, 8, size, size, 3), dtype=np.uint8)
    models = {"plain": build("none"), "streaming": build("causal")}
    if not FLAGS.detector:
        models["lookahead"] = build("bidirectional")
    variants, session_steps = {}, {}
    for dtype, quantize in QUANTIZATIONS.items():
        for name, model in models.items():
            path = folder / f"{name}_{dtype}.tflite"
            export_tflite(
                model,
                path,
                quantize=quantize,
                lookahead=not FLAGS.detector,
                calibration_clips=frames,
            )
            name = f"{name} {dtype}"
            variants[name] = dry_step(path, threads=FLAGS.threads)
            session_steps[f"{name}, session"] = session_step(path, frames[0, 0])
    path = folder / "clip.tflite"
    export_tflite(models["streaming"], path, kind="clip")
    # The same step is timed under two names; their ratio is the noise.
    variants[AGAIN] = variants["plain float32"]
    clip = dry_step(path, threads=FLAGS.threads)
    return {**variants, **session_steps, "clip float32": clip}


def build(shift):
    """Returns a clip model with random weights."""
    fields = {
        "backbone": FLAGS.backbone,
        "width": FLAGS.width,
        "num_segments": FLAGS.num_segments,
        "shift": shift,
        "shift_div": FLAGS.shift_div,
        "image_size": FLAGS.image_size,
        "resize_size": FLAGS.image_size,  # A session then resizes nothing.
        "labels": tuple(f"class {k}" for k in range(NUM_CLASSES)),
    }
    if FLAGS.detector:
        return build_clip_model(VideoDetectorConfig(**fields))
    return build_clip_model(
        VideoClassifierConfig(num_classes=NUM_CLASSES, **fields)
    )


def session_step(path, frame):
    """Returns a step of a `StreamingSession` with a uint8 frame."""
    session = StreamingSession(path, threads=FLAGS.threads)
    return lambda: session.step(frame)


if __name__ == "__main__":
    app.run(main)
