"""Compares the accuracy of a trained network in float32 and in int8.

    python -m benchmarks.quantization.int8_accuracy

Trains a causal MobileNetV2 of width 1.0 on generated gestures, exports it to
TFLite as float32 and as int8 (calibrated on training clips), and streams the
held-out clips through both, frame by frame. The exit status is 1 if a bar is
missed. The benchmark took seven minutes on two cores. With `--preset` it uses a
trained network if there is one.
"""

import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.accuracy.gesture_streams import (
    agreement,
    gestures,
    stream,
    top1,
)
from benchmarks.timing import print_machine
from tsm_export.tflite.export import export_tflite
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.training.fit import TrainingConfig, fit

FLAGS = flags.FLAGS
flags.DEFINE_enum("backbone", "mobilenet_v2", [*BACKBONES], "Backbone.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 56, "Height and width of a frame.")
flags.DEFINE_integer("training_clips", 100, "Training videos per class.")
flags.DEFINE_integer("test_clips", 50, "Test videos per class.")
flags.DEFINE_integer("epochs", 15, "Passes over the training videos.")
flags.DEFINE_float("learning_rate", 8e-3, "Peak learning rate.")
flags.DEFINE_float("label_smoothing", 0.1, "Label smoothing in training.")
flags.DEFINE_integer("seed", 0, "Seed of training.")
flags.DEFINE_string("data", None, "Folder that keeps the generated videos.")
flags.DEFINE_string("preset", None, "Folder that keeps the trained network.")

SIZE_BAR, TOP1_BAR, AGREEMENT_BAR = 0.31, 0.005, 0.98


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        videos = gestures(
            FLAGS.data or scratch / "data",
            training_clips=FLAGS.training_clips,
            test_clips=FLAGS.test_clips,
        )
        preset = pathlib.Path(FLAGS.preset or scratch / "preset")
        if not preset.exists():
            save_preset(train(videos), preset)
        model = load_preset(preset)
        artifacts = export(model, videos, scratch)
        clips, labels = videos.test_clips(model.video_config)
        logits = {name: stream(path, clips) for name, path in artifacts.items()}
        sizes = {name: path.stat().st_size for name, path in artifacts.items()}
    return 0 if report(sizes, logits, labels) else 1


def train(videos):
    config = videos.config(
        backbone=FLAGS.backbone,
        width=FLAGS.width,
        image_size=FLAGS.image_size,
        dropout=0.0,
    )
    recipe = TrainingConfig(
        epochs=FLAGS.epochs,
        batch_size=32,
        learning_rate=FLAGS.learning_rate,
        label_smoothing=FLAGS.label_smoothing,
        seed=FLAGS.seed,
    )
    keras.utils.set_random_seed(FLAGS.seed)
    model = build_clip_model(config)
    data = videos.training_data(config, batch_size=32, seed=FLAGS.seed)
    fit(model, data, recipe, verbose=2)
    return model


def export(model, videos, folder):
    """Exports the artifacts; returns their paths by name."""
    clips = videos.calibration_clips(model.video_config, seed=0)
    artifacts = {}
    for name, quantize in (("float32", "none"), ("int8", "int8")):
        path = folder / f"{name}.tflite"
        export_tflite(model, path, quantize=quantize, calibration_clips=clips)
        artifacts[name] = path
    return artifacts


def report(sizes, logits, labels):
    """Prints sizes, accuracies and agreement; returns whether bars are met."""
    accuracy = {name: top1(found, labels) for name, found in logits.items()}
    print(f"\n{len(labels)} held-out clips of {logits['int8'].shape[1]} frames")
    for name, size in sizes.items():
        print(f"{name:8}{size / 1e6:8.2f} MB, top-1 {accuracy[name]:8.2%}")
    size = sizes["int8"] / sizes["float32"]
    change = accuracy["int8"] - accuracy["float32"]
    agree = agreement(logits["int8"], logits["float32"])
    rows = (
        ("size, int8 / float32", f"{size:.3f}", size <= SIZE_BAR, "<= 0.31"),
        (
            "top-1, int8 - float32",
            f"{100 * change:+.2f} points",
            abs(change) <= TOP1_BAR,
            "within 0.5",
        ),
        ("frames that agree", f"{agree:.2%}", agree >= AGREEMENT_BAR, ">= 98%"),
    )
    for name, value, holds, bar in rows:
        print(f"{name:24}{value:>14}{bar:>12}  {'PASS' if holds else 'FAIL'}")
    return all(holds for _, _, holds, _ in rows)


if __name__ == "__main__":
    app.run(main)
