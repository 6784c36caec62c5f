"""Compares small networks that have a teacher with ones that have none.

    python -m benchmarks.accuracy.distillation --to=results.jsonl
    python -m benchmarks.accuracy.distillation --to=results.jsonl --table

Trains a teacher, a bidirectional TSM, on generated gestures. Then it trains
causal networks on few of these videos, with and without the teacher, which are
equal in all else. Both start from a network without a shift, as in
`tsm quickstart`. One line is written per network. To continue an interrupted
benchmark, run the same command again. docs/training.md has results.
"""

import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.accuracy.end_of_video import spread
from benchmarks.accuracy.resumable_runs import read_lines, run_missing
from benchmarks.timing import print_machine
from tsm_keras.data.gestures.generate import write_gestures
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.folder import scan_folder
from tsm_keras.evaluation.evaluate import evaluate
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.models.weights import copy_weights
from tsm_keras.training.fit import TrainingConfig, fit

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "File of results, one JSON line per run.")
flags.DEFINE_boolean("table", False, "Print a table of that file; run nothing.")
flags.DEFINE_string("data", None, "Folder that keeps videos and the teacher.")
flags.DEFINE_integer("seeds", 3, "Networks with and without a teacher.")
flags.DEFINE_integer("clips", 100, "Training videos per class of the teacher.")
flags.DEFINE_integer("few", 40, "Those per class that the others learn from.")
flags.DEFINE_integer("epochs", 16, "Epochs of a causal network.")
flags.DEFINE_float("weight", 0.7, "Weight of the teacher.")
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")

_SCALE = ("clips", "few", "epochs", "weight")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    path = pathlib.Path(FLAGS.to)
    scale = {name: FLAGS[name].value for name in _SCALE}
    if not FLAGS.table:
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(FLAGS.data or scratch).absolute()
            write_data(folder)
            jobs = [
                {"teacher": teacher, "seed": seed, **scale}
                for seed in range(FLAGS.seeds)
                for teacher in (False, True)
            ]
            function = functools.partial(run, str(folder))
            run_missing(path, jobs, function, workers=FLAGS.workers)
    lines = [line for line in read_lines(path) if scale.items() <= line.items()]
    print("\n| causal network | top-1, mean (lowest to highest) |\n|---|---|")
    for teacher, name in ((False, "labels only"), (True, "with a teacher")):
        found = [x["top1"] for x in lines if x["teacher"] == teacher]
        if found:
            print(f"| {name} | {spread(found)} |")
    if lines:
        print(f"\nThe teacher: {lines[0]['top1_of_teacher']:.1%}")


def write_data(folder):
    """Writes the videos and the teacher that are not there yet."""
    for name, clips, seed in (
        ("train", FLAGS.clips, 0),
        ("few", FLAGS.few, 0),  # The first ones of each class of `train`.
        ("test", 25, 1),
    ):
        if not (folder / name).is_dir():
            write_gestures(folder / name, clips_per_class=clips, seed=seed)
    if not (folder / "teacher").is_dir():
        plain = train(folder / "train", "none", 0, epochs=3)
        model = train(
            folder / "train", "bidirectional", 0, epochs=10, start=plain
        )
        save_preset(model, folder / "teacher")


def run(folder, job):
    """Trains a causal network; returns its top-1 on the test videos."""
    folder = pathlib.Path(folder)
    teacher = load_preset(folder / "teacher")
    plain = train(folder / "few", "none", job["seed"], epochs=6)
    model = train(
        folder / "few",
        "causal",
        job["seed"],
        epochs=job["epochs"],
        start=plain,
        teacher=teacher if job["teacher"] else None,
        weight=job["weight"],
    )
    found = {
        "top1": top1(model, folder / "test"),
        "top1_of_teacher": top1(teacher, folder / "test"),
    }
    keras.backend.clear_session()
    return found


def train(folder, shift, seed, *, epochs, start=None, teacher=None, weight=0.5):
    """Trains a network on a folder of gestures."""
    videos = scan_folder(folder)
    config = VideoClassifierConfig(
        num_classes=len(videos.label_names),
        labels=videos.label_names,
        width=0.35,
        image_size=40,
        shift=shift,
        shift_div=4,
        dropout=0.0,
        frame_interval=videos.frame_interval(8),
    )
    settings = TrainingConfig(
        epochs=epochs,
        batch_size=16,
        learning_rate=6e-3,
        seed=seed,
        teacher_weight=weight,
    )
    keras.utils.set_random_seed(seed)
    model = build_clip_model(config)
    if start is not None:
        copy_weights(start, model)
    batches = make_dataset(
        videos, config, batch_size=16, training=True, seed=seed, cache=True
    )
    fit(model, batches, settings, teacher=teacher, verbose=2)
    return model


def top1(model, folder):
    """Returns the share of the videos of a folder that are right."""
    return float(evaluate(model, folder).top1())


if __name__ == "__main__":
    app.run(main)
