"""Measures what the shift in some stages adds to the time of a stream.

    python -m benchmarks.streaming.stage_latency --backbone=mobilenet_v2

The causal network with the shift in all stages, in the last two and in each
stage alone takes turns with the plain 2-D network, in LiteRT on the CPU, in
float32 and in int8. A step includes feeding the caches back. All networks have
random weights. With `--operator=mixtconv`, MixTConv takes the shift's place.
With `--files=FOLDER`, files that are there are not exported again. The exit
status is 1 if no placement meets the bar in both types.
"""

import importlib.metadata
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.stage_placements import placements
from benchmarks.timing import Ratio, print_machine, report
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_live.runtimes.dry_run import dry_step

# The highest ratio of a step to the plain network, with the chosen placement.
BARS = {
    "shift": {
        "mobilenet_v2": 1.02,
        "efficientnet_lite0": 1.02,
        "resnet50": 1.03,
    },
    "mixtconv": {
        "mobilenet_v2": 1.1,
        "efficientnet_lite0": 1.1,
        "resnet50": 1.1,
    },
}
QUANTIZATIONS = {"float32": "none", "int8": "int8"}
AGAIN = "plain, again"
_FRAMES = 2  # Of the clip for calibration; speed does not depend on it.

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "backbone", "mobilenet_v2", list(BARS["shift"]), "Network to measure."
)
flags.DEFINE_list("placements", None, "Placements to measure; default: all.")
flags.DEFINE_list("types", list(QUANTIZATIONS), "Types to measure.")
flags.DEFINE_string(
    "files", None, "Folder in which to keep the exported files."
)
flags.DEFINE_integer("image_size", 224, "Height and width of a frame.")
flags.DEFINE_integer(
    "shift_div", 8, "One of so many parts of the channels is shifted."
)
flags.DEFINE_enum(
    "operator", "shift", list(BARS), "How frames exchange features."
)
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_integer("rounds", 100, "Turns of each file.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(
        TensorFlow=tf.__version__,
        Keras=KERAS_VERSION,
        LiteRT=importlib.metadata.version("ai-edge-litert"),
    )
    operator = FLAGS.operator
    if operator == "shift":
        operator += f" of 1/{FLAGS.shift_div} of the channels"
    print(
        f"network: {FLAGS.backbone}, {FLAGS.image_size} px, {operator}, "
        f"{FLAGS.threads} thread(s), {FLAGS.clock} time"
    )
    if not FLAGS.types or not {*FLAGS.types} <= {*QUANTIZATIONS}:
        raise app.UsageError(
            f"--types must be some of {[*QUANTIZATIONS]}. "
            f"Received: {FLAGS.types}"
        )
    names = chosen_placements()
    passed = set(names)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(FLAGS.files or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            dtype: export_all(folder, names, dtype) for dtype in FLAGS.types
        }
        # One type after the other: the files of both would fill more of the
        # processor's caches than an app does.
        for dtype, paths in files.items():
            print(f"\n{dtype}")
            passed &= measure(paths)
    print(
        f"\nmeet the bar in {' and '.join(files)}: {sorted(passed) or 'none'}"
    )
    return 0 if passed else 1


def chosen_placements():
    """Returns the stages with a shift, by the name of the placement."""
    found = placements(FLAGS.backbone)
    chosen = found if FLAGS.placements is None else FLAGS.placements
    if not chosen or not {*chosen} <= {*found}:
        raise app.UsageError(
            f"--placements must be some of {[*found]}. Received: {[*chosen]}"
        )
    return {name: found[name] for name in chosen}


def export_all(folder, names, dtype):
    """Exports the plain network and all placements; returns their paths."""
    variants = {"plain": ("none", ())}
    variants |= {
        name: (FLAGS.operator, stages) for name, stages in names.items()
    }
    paths = {}
    for name, (operator, stages) in variants.items():
        size = f"{FLAGS.image_size}_{operator}_{FLAGS.shift_div}"
        stem = f"{FLAGS.backbone}_{size}_{name}_{dtype}"
        paths[name] = folder / f"{stem.replace(' ', '_')}.tflite"
        if not paths[name].exists():
            export(paths[name], dtype, operator, stages)
    return paths


def export(path, dtype, operator, stages):
    """Exports one streaming network with random weights."""
    size = FLAGS.image_size
    print(f"exporting {path.stem}", flush=True)
    model = build_clip_model(
        VideoClassifierConfig(
            num_classes=27,
            labels=tuple(f"class {number}" for number in range(27)),
            backbone=FLAGS.backbone,
            num_segments=_FRAMES,
            operator=operator,
            causal=operator != "none",
            shift_div=FLAGS.shift_div,
            stages=stages,
            image_size=size,
        )
    )
    rng = np.random.default_rng(0)
    export_tflite(
        model,
        path,
        quantize=QUANTIZATIONS[dtype],
        calibration_clips=rng.integers(
            0, 256, (1, _FRAMES, size, size, 3), np.uint8
        ),
        check=lambda path: None,  # Speed does not depend on the weights.
    )


def measure(paths):
    """Prints the ratios of one type; returns the placements within the bar."""
    steps = {
        name: dry_step(path, threads=FLAGS.threads)
        for name, path in paths.items()
    }
    # The same step is timed under two names; their ratio is the noise.
    steps[AGAIN] = steps["plain"]
    # Threads of a runtime disturb the next network unless they fall asleep.
    several = FLAGS.threads > 1
    times = interleave(
        steps,
        rounds=FLAGS.rounds,
        untimed_calls=5 if several else 1,
        clock=FLAGS.clock,
        pause=0.05 if several else 0.0,
    )
    bar = BARS[FLAGS.operator][FLAGS.backbone]
    ratios = {
        name: Ratio(name, "plain", at_most=bar)
        for name in paths
        if name != "plain"
    }
    report(times, [*ratios.values(), Ratio(AGAIN, "plain")])
    return {name for name, ratio in ratios.items() if ratio.holds(times)}


if __name__ == "__main__":
    app.run(main)
