"""Compares a causal detector of moving objects with one that has no shift.

    python -m benchmarks.accuracy.detection --to=results.jsonl --data=FOLDER
    python -m benchmarks.accuracy.detection --to=results.jsonl --table

Generates videos of moving objects, trains both detectors from the ImageNet
weights of EfficientNet-Lite0 with several seeds, and evaluates them on clips of
the validation videos. `--nopretrained` starts from random weights. The causal
one is also evaluated frame by frame, as a preset and as an int8 artifact. One
line is written per detector when it is done. To continue an interrupted
benchmark, run the same command again. `--table` prints the results so far as a
Markdown table. Only the seeds that both detectors have are compared. The exit
status is 1 if a bar is missed, or fewer than `--seeds` seeds are done. Every
run has its own process with one thread. docs/detection.md has results.
"""

import dataclasses
import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.accuracy.detection_results import (
    COLUMNS,
    count_seeds,
    print_bars,
    print_classes,
    print_table,
    read_results,
)
from benchmarks.accuracy.resumable_runs import run_missing
from benchmarks.timing import print_machine
from tsm_cli.detectors import open_detector
from tsm_export.clips import boxed_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.moving_objects.generate import (
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
from tsm_keras.training.start_weights import start_from_imagenet

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
    "epochs", 16, "Passes of the first step, above all for classes."
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
flags.DEFINE_float("learning_rate", 2e-3, "Peak learning rate.")
flags.DEFINE_string("backbone", "efficientnet_lite0", "Backbone.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_boolean("pretrained", True, "Start from ImageNet weights.")
flags.DEFINE_integer("image_size", 64, "Height and width of a frame.")
flags.DEFINE_integer("stride", 4, "Size of a cell in pixels.")
flags.DEFINE_integer("pyramid_channels", 64, "Channels of the pyramid.")
flags.DEFINE_integer("shift_div", 4, "Divides the channels into folds.")
flags.DEFINE_float("frame_interval", 0.16, "Seconds between two frames.")
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")

_NETWORK = (
    *("backbone", "width", "image_size", "stride", "pyramid_channels"),
    *("shift_div", "frame_interval"),
)
_SCALE = (
    *("videos", "video_seconds", "epochs", "last_epochs"),
    *("class_loss_weight", "last_class_loss_weight"),
    *("batch_size", "learning_rate", "pretrained"),
    *_NETWORK,
)
_GENERATOR = 2  # Count up if other objects are drawn: the folder is kept.


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        run_all(path)
    found = read_results(path, scale())
    print_table(found)
    met = print_bars(found)
    print_classes(found)
    if count_seeds(found) < FLAGS.seeds:
        print(f"\n{count_seeds(found)} of {FLAGS.seeds} seeds are done.")
        met = False
    return 0 if met else 1


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
    """Trains a detector in two steps, as docs/training.md says."""
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
    if job["pretrained"]:
        model, _ = start_from_imagenet(config)
    else:
        model = build_clip_model(config)
    clips = make_detection_dataset(
        data,
        model.video_config,
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
        **{name: round(100 * found[name], 2) for name in COLUMNS},
        "classes": {k: round(100 * v, 1) for k, v in by_class.items()},
    }


if __name__ == "__main__":
    app.run(main)
