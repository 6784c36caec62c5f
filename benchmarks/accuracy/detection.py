"""Compares a causal detector of moving objects with one that has no shift.

    python -m benchmarks.accuracy.detection --to=results.jsonl --data=FOLDER
    python -m benchmarks.accuracy.detection --to=results.jsonl --table

Generates videos of moving objects, trains both detectors from scratch with
several seeds, and evaluates them on clips of the validation videos. The causal
one is also evaluated frame by frame, as a preset and as an int8 artifact. One
line is written per detector when it is done. To continue an interrupted
benchmark, run the same command again. `--table` prints the results so far as a
Markdown table. The exit status is 1 if a bar is missed or could not be
measured. Each run is a process with one thread. docs/detection.md has results.
"""

import dataclasses
import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.accuracy.resumable_runs import read_lines, run_missing
from benchmarks.timing import print_machine
from tsm_cli.detectors import open_detector
from tsm_export.clips import boxed_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.moving_objects.generate import (
    FRAME_BLIND_CEILING,
    ORDINARY,
    PAIRED,
    write_moving_objects,
)
from tsm_keras.data.pipeline.boxed_clips import make_detection_dataset
from tsm_keras.data.prepare.prepare import prepare
from tsm_keras.data.readers.detection_videos import detection_videos
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.evaluation.detection.evaluate_videos import evaluate_videos
from tsm_keras.evaluation.detection.measures import measure
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoDetectorConfig
from tsm_keras.models.presets import save_preset
from tsm_keras.training.fit import fit
from tsm_keras.training.recipes import find_recipe

_RECIPE = find_recipe("vid_detection")
FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "File of results, one JSON line per run.")
flags.DEFINE_boolean("table", False, "Print a table of that file; run nothing.")
flags.DEFINE_integer("seeds", 3, "Runs of each detector.")
flags.DEFINE_string("data", None, "Folder that keeps the generated videos.")
flags.DEFINE_string("presets", None, "Folder that keeps presets and artifacts.")
flags.DEFINE_integer("videos", 400, "Training videos; a quarter to test.")
flags.DEFINE_float("video_seconds", 2.56, "Length of each video.")
flags.DEFINE_integer(
    "epochs", 38, "Passes of the first step, above all for classes."
)
flags.DEFINE_integer(
    "last_epochs", 18, "Passes of the second step, above all for scores."
)
flags.DEFINE_float(
    "class_loss_weight",
    20.0,
    "Weight of the loss of classes in the first step.",
)
flags.DEFINE_float(
    "last_class_loss_weight", 0.5, "The same weight in step two."
)
flags.DEFINE_integer("batch_size", 8, "Clips per step.")
flags.DEFINE_float("learning_rate", 5e-3, "Peak learning rate.")
flags.DEFINE_float("width", 0.35, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 64, "Height and width of a frame.")
flags.DEFINE_integer("stride", 4, "Size of a cell in pixels.")
flags.DEFINE_integer("pyramid_channels", 32, "Channels of the pyramid.")
flags.DEFINE_integer("shift_div", 2, "Divides the channels into folds.")
flags.DEFINE_float("frame_interval", 0.16, "Seconds between two frames.")
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")

# Percentage points; the first three are of the causal detector above the one
# without a shift, both on clips.
PAIRED_BAR, ORDINARY_BAR, FAST_BAR, INT8_BAR = 25.0, 0.0, 3.0, 1.5
_NETWORK = (
    *("width", "image_size", "stride", "pyramid_channels", "shift_div"),
    "frame_interval",
)
_SCALE = (
    *("videos", "video_seconds", "epochs", "last_epochs"),
    *("class_loss_weight", "last_class_loss_weight"),
    *("batch_size", "learning_rate"),
    *_NETWORK,
)
_COLUMNS = {
    "ap": "AP",
    "ap50": "AP50",
    "paired": "paired",
    "ordinary": "ordinary",
    "ap50_slow": "slow",
    "ap50_medium": "medium",
    "ap50_fast": "fast",
}
_GENERATOR = 2  # Count up if other objects are drawn: the folder is kept.
_WAYS = {"clips": "clips", "stream": "stream", "int8": "stream, int8"}


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        run_all(path)
    found = read_results(path)
    print_table(found)
    return 0 if print_bars(found) else 1


def run_all(path):
    with tempfile.TemporaryDirectory() as scratch:
        data = prepared(pathlib.Path(FLAGS.data or scratch))
        presets = pathlib.Path(FLAGS.presets or scratch).absolute()
        jobs = [
            {"shift": shift, "seed": seed, **scale()}
            for seed in range(FLAGS.seeds)
            for shift in ("causal", "none")
        ]
        function = functools.partial(run, str(data), str(presets))
        run_missing(path, jobs, function, workers=FLAGS.workers)


def prepared(folder):
    """Returns the folder of the prepared videos, generated if it is missing."""
    name = f"{FLAGS.videos}x{FLAGS.video_seconds}x{FLAGS.image_size}"
    name += f"_{_GENERATOR}"
    videos, data = folder / f"videos_{name}", folder / f"data_{name}"
    if not (data / "dataset.json").exists():
        write_moving_objects(
            videos,
            videos=FLAGS.videos,
            seconds=FLAGS.video_seconds,
            size=FLAGS.image_size,
            seed=0,
        )
        prepare(
            videos,
            data,
            "coco_vid",
            images=ImageSettings(short_side=FLAGS.image_size),
        )
    return data.absolute()


def scale():
    """Returns the amount of data and training, which every line records."""
    return {name: FLAGS[name].value for name in _SCALE}


def run(data, presets, job):
    """Trains and evaluates a detector; returns its figures in percent."""
    model = train(data, job)
    preset = pathlib.Path(presets) / f"{job['shift']}_{job['seed']}"
    save_preset(model, preset, overwrite=True)
    detectors = {"clips": open_detector(preset, stream=False, batch_size=16)}
    if job["shift"] == "causal":
        detectors["stream"] = open_detector(preset, stream=True, batch_size=1)
        artifact = preset.with_suffix(".tflite")
        clips = boxed_clips(data, "train", model.video_config, 64, seed=0)
        export_tflite(model, artifact, quantize="int8", calibration_clips=clips)
        detectors["int8"] = open_detector(artifact, stream=True, batch_size=1)
    found = {way: figures(data, one) for way, one in detectors.items()}
    keras.backend.clear_session()
    return found


def train(data, job):
    """Trains a detector from random weights, as docs/training.md says."""
    fields = {name: job[name] for name in (*_NETWORK, "shift")}
    config = VideoDetectorConfig(
        **{**_RECIPE.network, **fields}, labels=PAIRED + ORDINARY
    )
    settings = dataclasses.replace(
        _RECIPE.training,
        batch_size=job["batch_size"],
        learning_rate=job["learning_rate"],
        seed=job["seed"],
    )
    keras.utils.set_random_seed(settings.seed)
    model = build_clip_model(config)
    clips = make_detection_dataset(
        data,
        config,
        split="train",
        batch_size=settings.batch_size,
        training=True,
        seed=settings.seed,
        # A mirrored disc that moved left moves right: the data set knows it.
        augmentation=AugmentationConfig(flip=True),
        cache=True,
    )
    for step in ("", "last_"):
        part = {
            "epochs": job[f"{step}epochs"],
            "class_loss_weight": job[f"{step}class_loss_weight"],
        }
        fit(model, clips, dataclasses.replace(settings, **part), verbose=2)
    return model


def figures(data, detector):
    """Evaluates a detector on all frames of the validation videos."""
    videos = evaluate_videos(
        detector.detect,
        detection_videos(data, "val"),
        detector.labels,
        step_of=detector.step,
        view_of=detector.view,
    )
    frames = [frame for video in videos for frame in video]
    measures = measure(frames, detector.labels)
    found = measures.summary() | {
        "paired": measures.precision.ap50(PAIRED),
        "ordinary": measures.precision.ap50(ORDINARY),
    }
    by_class = {row["label"]: row["ap50"] for row in measures.classes()}
    return {
        **{name: round(100 * found[name], 2) for name in _COLUMNS},
        "classes": {k: round(100 * v, 1) for k, v in by_class.items()},
    }


def read_results(path):
    """Returns the figures of all seeds by detector and way, `[seeds, columns]`.

    Lines whose scale differs from the flags are left out.
    """
    found = {}
    for line in sorted(read_lines(path), key=lambda line: line["seed"]):
        if scale().items() <= line.items():
            for way in _WAYS:
                if way in line:
                    row = [line[way][name] for name in _COLUMNS]
                    found.setdefault((line["shift"], way), []).append(row)
    return {key: np.array(rows) for key, rows in found.items()}


def print_table(found):
    def print_row(name, way, values, form):
        cells = " | ".join(format(value, form) for value in values)
        print(f"| {name} | {way} | {cells} |")

    print(f"\n| detector | shown | {' | '.join(_COLUMNS.values())} |")
    print("|---" * (2 + len(_COLUMNS)) + "|")
    for (shift, way), rows in found.items():
        name = {"none": "no shift"}.get(shift, shift)
        print_row(name, _WAYS[way], rows.mean(axis=0), ".1f")
        if len(rows) > 1:
            print_row("", "± over seeds", rows.std(axis=0, ddof=1), ".1f")
    for title, key, base in (
        ("causal - no shift", ("causal", "clips"), ("none", "clips")),
        ("int8 stream - clips", ("causal", "int8"), ("causal", "clips")),
    ):
        if {key, base} <= found.keys():
            difference = found[key].mean(axis=0) - found[base].mean(axis=0)
            print_row(title, "", difference, "+.1f")


def print_bars(found):
    """Prints the bars that have results; returns whether they are met."""
    means = {
        key: dict(zip(_COLUMNS, rows.mean(axis=0), strict=True))
        for key, rows in found.items()
    }
    causal, none, int8 = (
        means.get(key)
        for key in (("causal", "clips"), ("none", "clips"), ("causal", "int8"))
    )
    print(
        "\nA detector that sees single frames reaches at most "
        f"{FRAME_BLIND_CEILING:.0%} AP50 on the paired classes."
    )
    if causal is None or none is None or int8 is None:
        print("The bars need results of both detectors.")
        return False
    rows = [
        (f"AP50 {_COLUMNS[name]}, causal - no shift", causal, none, name, bar)
        for name, bar in (
            ("paired", PAIRED_BAR),
            ("ordinary", ORDINARY_BAR),
            ("ap50_fast", FAST_BAR),
        )
    ]
    rows.append(("AP, int8 stream - clips", int8, causal, "ap", -INT8_BAR))
    verdicts = []
    for title, one, other, column, bar in rows:
        value = one[column] - other[column]
        verdicts.append(value >= bar)
        verdict = "met" if verdicts[-1] else "missed"
        print(f"{title}: {value:+.1f} (at least {bar:+.1f}) {verdict}")
    return all(verdicts)


if __name__ == "__main__":
    app.run(main)
