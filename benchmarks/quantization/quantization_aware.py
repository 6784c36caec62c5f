r"""Measures how much accuracy quantization-aware training regains in int8.

    python -m benchmarks.quantization.quantization_aware --widths=0.1 \
        --seeds=0,1,2

For each width and seed, a causal MobileNetV2 is trained on generated gestures.
It is then trained further twice with the same settings, once in float32 and
once with simulated int8 rounding, and the held-out clips are streamed through
each network as float32 and as int8. Quantization-aware training must be
compared with the float network that was trained as long, because longer
training alone may raise the accuracy as well.
"""

import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tfmot needs tf_keras.

import numpy as np
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
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.training.fit import TrainingConfig, fit
from tsm_keras.training.fit_quantization_aware import fit_quantization_aware

FLAGS = flags.FLAGS
flags.DEFINE_list("widths", ["0.1"], "Channel multipliers of MobileNetV2.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of training.")
flags.DEFINE_integer("image_size", 32, "Height and width of a frame.")
flags.DEFINE_integer("shift_div", 4, "One in shift_div channels is shifted.")
flags.DEFINE_integer("training_clips", 100, "Training videos per class.")
flags.DEFINE_integer("test_clips", 50, "Test videos per class.")
flags.DEFINE_integer("epochs", 8, "Epochs of the first training.")
flags.DEFINE_integer("more_epochs", 3, "Epochs of the further training.")
flags.DEFINE_float("learning_rate", 8e-3, "Peak rate of the first training.")
flags.DEFINE_float("more_learning_rate", 8e-4, "Peak rate of further training.")
flags.DEFINE_string("data", None, "Folder that keeps the generated videos.")

BATCH_SIZE = 32
# The name in the table, the network and the quantization of each variant.
VARIANTS = (
    ("float32", "trained", "none"),
    ("int8", "trained", "int8"),
    ("float32, more training", "more", "none"),
    ("int8, more training", "more", "int8"),
    ("int8_qat", "qat", "int8_qat"),
    ("int8 of the qat weights", "qat", "int8"),
)


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__, Keras="tf_keras")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        videos = gestures(
            FLAGS.data or scratch / "data",
            training_clips=FLAGS.training_clips,
            test_clips=FLAGS.test_clips,
        )
        for width in map(float, FLAGS.widths):
            rows = [
                measure(videos, width, int(seed), scratch)
                for seed in FLAGS.seeds
            ]
            report(width, np.array(rows))


def measure(videos, width, seed, folder):
    """Returns top-1 and agreement of each variant, `[len(VARIANTS), 2]`."""
    networks = train(videos, width, seed, folder)
    config = networks["trained"].video_config
    calibration = videos.calibration_clips(config, seed=seed)
    clips, labels = videos.test_clips(config)
    logits, row = {}, []
    for name, network, quantize in VARIANTS:
        path = folder / "model.tflite"
        export_tflite(
            networks[network],
            path,
            quantize=quantize,
            calibration_clips=calibration,
        )
        logits[name] = stream(path, clips)
        row.append(
            (
                top1(logits[name], labels),
                agreement(logits[name], logits["float32"]),
            )
        )
        print(
            f"width {width}, seed {seed}, {name:26} "
            f"top-1 {row[-1][0]:7.2%}, as float32 {row[-1][1]:7.2%}",
            flush=True,
        )
    return row


def train(videos, width, seed, folder):
    """Returns the three networks by the kind of their training."""
    config = videos.config(
        width=width,
        image_size=FLAGS.image_size,
        shift_div=FLAGS.shift_div,
        dropout=0.0,
    )
    data = videos.training_data(config, batch_size=BATCH_SIZE, seed=seed)
    keras.utils.set_random_seed(seed)
    networks = {"trained": build_clip_model(config)}
    fit(networks["trained"], data, recipe(seed, more=False), verbose=0)
    preset = folder / f"preset_{width}_{seed}"
    save_preset(networks["trained"], preset)
    for name, training in (("more", fit), ("qat", fit_quantization_aware)):
        networks[name] = load_preset(preset)
        training(networks[name], data, recipe(seed, more=True), verbose=0)
    return networks


def recipe(seed, *, more):
    return TrainingConfig(
        epochs=FLAGS.more_epochs if more else FLAGS.epochs,
        batch_size=BATCH_SIZE,
        learning_rate=(
            FLAGS.more_learning_rate if more else FLAGS.learning_rate
        ),
        seed=seed,
    )


def report(width, rows):
    """Prints the means over the seeds and the accuracy that was regained."""
    mean = dict(zip([name for name, *_ in VARIANTS], rows.mean(0), strict=True))
    print(f"\nwidth {width}, mean of {len(rows)} seeds")
    for name, (accuracy, agree) in mean.items():
        print(f"{name:28}top-1 {accuracy:7.2%}   as float32 {agree:7.2%}")
    loss = mean["float32, more training"][0] - mean["int8, more training"][0]
    left = mean["float32, more training"][0] - mean["int8_qat"][0]
    print(
        f"int8 costs {100 * loss:.2f} points, int8_qat {100 * left:.2f}"
        + (f": {1 - left / loss:.0%} regained" if loss > 0 else "")
        + "\n",
        flush=True,
    )


if __name__ == "__main__":
    app.run(main)
