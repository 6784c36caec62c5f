r"""Compares the accuracy of streams whose shift is in some stages only.

    python -m benchmarks.accuracy.stages --data_set=gestures \
        --to=gestures.jsonl
    python -m benchmarks.accuracy.stages --data_set=actions \
        --actions=FOLDER --to=actions.jsonl
    python -m benchmarks.accuracy.stages --data_set=actions \
        --to=actions.jsonl --table

Causal TSM starts from the ImageNet weights of EfficientNet-Lite0 and is trained
with `finetune_small`, on generated gestures or on the real clips of
`real_actions`. The shift is in all stages, in the last two or in one.
`--operator=mixtconv` compares the stages of causal MixTConv. Each network is
exported to TFLite in int8 and streamed frame by frame.
`benchmarks.streaming.stage_latency` measures what the same choices cost.

One line per run is written when the run is done, and `--table` prints the
results so far. To continue an interrupted benchmark, run the same command
again. Every network is trained in one thread.
"""

import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.accuracy.action_clips import short_side
from benchmarks.accuracy.clip_accuracy import (
    accuracies,
    compare,
    int8_accuracies,
    spread,
)
from benchmarks.accuracy.clip_data import amount, prepare, readers
from benchmarks.accuracy.resumable_runs import (
    read_lines,
    run_missing,
    train_from_imagenet,
)
from benchmarks.stage_placements import placements
from benchmarks.timing import print_machine
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.config import VideoClassifierConfig

BACKBONE = "efficientnet_lite0"
NUM_SEGMENTS = 8
# Gestures have few details, and many clips.
IMAGE_SIZE = {"gestures": 64, "actions": 96}
EPOCHS = {"gestures": 10, "actions": 30}

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "File of results, one JSON line per run.")
flags.DEFINE_boolean("table", False, "Print the table; run nothing.")
flags.DEFINE_list("only", [], "Placements to run. (default: all)")
flags.DEFINE_integer("seeds", 3, "Runs of each placement.")
flags.DEFINE_integer(
    "epochs", None, f"Passes over the clips. (default: {EPOCHS})"
)
flags.DEFINE_integer(
    "shift_div", 8, "One of so many parts of the channels is shifted."
)
flags.DEFINE_enum(
    "operator",
    "shift",
    ["shift", "mixtconv"],
    "How frames exchange features.",
)
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    known = placements(BACKBONE)
    if unknown := sorted({*FLAGS.only} - {*known}):
        raise app.UsageError(f"--only takes {[*known]}. Received: {unknown}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        with tempfile.TemporaryDirectory() as scratch:
            data = prepare(
                FLAGS.data or scratch, image_size=IMAGE_SIZE[FLAGS.data_set]
            )
            # The seed changes last: an interrupted run has every placement.
            jobs = [
                {"placement": name, "seed": seed, **scale()}
                for seed in range(FLAGS.seeds)
                for name in FLAGS.only or known
            ]
            run_missing(
                path, jobs, functools.partial(run, data), workers=FLAGS.workers
            )
    print_table(path)


def scale():
    """Returns the amount of data and training, which every line records."""
    return {
        **amount(),
        "backbone": BACKBONE,
        "recipe": "finetune_small",
        "epochs": FLAGS.epochs or EPOCHS[FLAGS.data_set],
        "image_size": IMAGE_SIZE[FLAGS.data_set],
        "shift_div": FLAGS.shift_div,
        "operator": FLAGS.operator,
    }


def run(data, job):
    """Trains one network and returns its accuracies."""
    training, test = readers(data, job)
    config = VideoClassifierConfig(
        num_classes=len(training.label_names),
        labels=training.label_names,
        backbone=job["backbone"],
        image_size=job["image_size"],
        resize_size=short_side(job["image_size"]),
        num_segments=NUM_SEGMENTS,
        frame_interval=training.frame_interval(NUM_SEGMENTS),
        operator=job["operator"],
        causal=True,
        shift_div=job["shift_div"],
        stages=placements(job["backbone"])[job["placement"]],
        dropout=0.2,
    )
    # Seen from above, no action changes when it is mirrored; gestures do.
    flip = job["data_set"] == "actions"
    model = train_from_imagenet(job, training, config, flip=flip)
    result = accuracies(KerasPredictor(model), test, model.video_config)
    result["int8"] = int8_accuracies(model, training, test, seed=job["seed"])
    keras.backend.clear_session()
    return result


def print_table(path):
    """Prints a Markdown table of the runs whose settings are the flags'."""
    found = {name: [] for name in placements(BACKBONE)}
    for line in read_lines(path):
        if scale().items() <= line.items():
            found[line["placement"]].append(line)
    found = {name: lines for name, lines in found.items() if lines}
    top1 = {
        name: np.array([100 * line["top1"] for line in lines])
        for name, lines in found.items()
    }
    print("\nMean over the seeds, with the lowest and highest, in percent.\n")
    print(
        "| operator in | seeds | top-1 | against all stages | "
        "mean class accuracy | top-1 as an int8 stream |"
    )
    print("|---" * 6 + "|")
    for name, lines in found.items():
        against = compare(top1[name], top1.get("all stages"))
        print(
            f"| {name} | {len(lines)} "
            f"| {spread([line['top1'] for line in lines])} "
            f"| {'' if name == 'all stages' else against} "
            f"| {spread([line['macro'] for line in lines])} "
            f"| {spread([line['int8']['top1'] for line in lines])} |"
        )


if __name__ == "__main__":
    app.run(main)
