r"""Compares TSN, TSM, MixTConv and X3D of about equal multiply-adds.

    python -m benchmarks.accuracy.operators --data_set=gestures \
        --to=gestures.jsonl
    python -m benchmarks.accuracy.operators --data_set=actions \
        --actions=FOLDER --to=actions.jsonl
    python -m benchmarks.accuracy.operators --data_set=actions \
        --to=actions.jsonl --table

The data are generated gestures, or the real clips of `real_actions`. TSN, TSM
and MixTConv are MobileNetV2 of width 0.35, and X3D has about as many
multiply-adds. All are trained from scratch with several seeds and
the settings of `ablations` and `real_actions` (30 epochs instead of 50).
Networks that can stream are exported to TFLite in int8 and streamed frame by
frame. X3D whose context is all frames so far has no int8 form.

One line per run is written when the run is done, and `--table` prints the
results so far. To continue an interrupted benchmark, run the same command
again. Every network is trained in one thread.
"""

import dataclasses
import functools
import itertools
import os
import pathlib
import tempfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.accuracy.action_clips import short_side
from benchmarks.accuracy.clip_accuracy import (
    MEASURES,
    accuracies,
    compare,
    int8_accuracies,
    overlap,
    spread,
)
from benchmarks.accuracy.clip_data import amount, prepare, readers
from benchmarks.accuracy.resumable_runs import (
    read_lines,
    run_missing,
    train_from_scratch,
)
from benchmarks.timing import print_machine
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds


@dataclasses.dataclass(frozen=True)
class Network:
    """A network to train, and the one that its table compares it with."""

    text: str
    base: str
    fields: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class DataSet:
    """How the networks are trained on a data set."""

    image_size: int
    epochs: int
    learning_rate: float
    dropout: float
    flip: bool
    label_smoothing: float


NUM_SEGMENTS = 8
# A quarter of the channels per direction, as in `ablations`.
_MOBILENET = {"backbone": "mobilenet_v2", "width": 0.35, "shift_div": 4}
# 0.91 to 1.07 of the multiply-adds of MobileNetV2, at both sizes.
_X3D = {"backbone": "x3d", "width": 0.5, "depth": 1.0, "bottleneck": 2.5}
_MIXTCONV = {**_MOBILENET, "operator": "mixtconv"}
NETWORKS = {
    "tsn": Network("TSN", "tsm", {**_MOBILENET, "operator": "none"}),
    "tsm": Network("TSM", "", _MOBILENET),
    "mixtconv": Network("MixTConv", "tsm", _MIXTCONV),
    "x3d": Network("X3D", "tsm", _X3D),
    "causal_tsm": Network("causal TSM", "tsm", {**_MOBILENET, "causal": True}),
    "causal_mixtconv": Network(
        "causal MixTConv", "mixtconv", {**_MIXTCONV, "causal": True}
    ),
    "causal_x3d": Network(
        "causal X3D, context of the frame",
        "x3d",
        {**_X3D, "causal": True, "context": "frame"},
    ),
    "causal_x3d_past": Network(
        "causal X3D, context of all frames so far",
        "causal_x3d",
        {**_X3D, "causal": True, "context": "past"},
    ),
}
DATA_SETS = {
    "gestures": DataSet(
        image_size=48,
        epochs=8,
        learning_rate=8e-3,
        dropout=0.0,
        flip=False,
        label_smoothing=0.0,
    ),
    "actions": DataSet(
        image_size=64,
        epochs=30,
        learning_rate=4e-3,
        dropout=0.2,
        flip=True,
        label_smoothing=0.1,
    ),
}

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "File of results, one JSON line per run.")
flags.DEFINE_boolean("table", False, "Print the table; run nothing.")
flags.DEFINE_list("only", [], "Names of networks to run. (default: all)")
flags.DEFINE_integer("seeds", 3, "Runs of each network.")
flags.DEFINE_integer(
    "epochs", None, "Passes over the clips. (default: gestures 8, actions 30)"
)
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    if unknown := sorted({*FLAGS.only} - {*NETWORKS}):
        raise app.UsageError(f"--only takes {[*NETWORKS]}. Received: {unknown}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        with tempfile.TemporaryDirectory() as scratch:
            data = prepare(
                FLAGS.data or scratch,
                image_size=DATA_SETS[FLAGS.data_set].image_size,
            )
            # The seed changes last: an interrupted run has every network.
            jobs = [
                {"network": network, "seed": seed, **scale()}
                for seed in range(FLAGS.seeds)
                for network in FLAGS.only or NETWORKS
            ]
            run_missing(
                path, jobs, functools.partial(run, data), workers=FLAGS.workers
            )
    print_table(path)


def scale():
    """Returns the amount of data and training, which every line records."""
    settings = DATA_SETS[FLAGS.data_set]
    return {
        **amount(),
        "epochs": FLAGS.epochs or settings.epochs,
        "learning_rate": settings.learning_rate,
    }


def run(data, job):
    """Trains one network and returns its accuracies."""
    settings = DATA_SETS[job["data_set"]]
    training, test = readers(data, job)
    config = VideoClassifierConfig(
        num_classes=len(training.label_names),
        labels=training.label_names,
        image_size=settings.image_size,
        resize_size=short_side(settings.image_size),
        num_segments=NUM_SEGMENTS,
        frame_interval=training.frame_interval(NUM_SEGMENTS),
        dropout=settings.dropout,
        **NETWORKS[job["network"]].fields,
    )
    model = train_from_scratch(
        job,
        training,
        config,
        flip=settings.flip,
        label_smoothing=settings.label_smoothing,
    )
    result = {
        "multiply_adds": multiply_adds(config),
        **accuracies(KerasPredictor(model), test, config),
    }
    # A sum over all frames so far needs a cache that int8 cannot hold.
    if config.can_stream and config.temporal.seen != "past":
        result["int8"] = int8_accuracies(
            model, training, test, seed=job["seed"]
        )
    keras.backend.clear_session()
    return result


def print_table(path):
    """Prints a Markdown table of the runs whose settings are the flags'."""
    found = {name: [] for name in NETWORKS}
    for line in read_lines(path):
        if scale().items() <= line.items():
            found[line["network"]].append(line)
    found = {name: lines for name, lines in found.items() if lines}
    top1 = {name: top1_of(lines) for name, lines in found.items()}
    texts = {name: network.text for name, network in NETWORKS.items()}
    print("\nMean over the seeds, with the lowest and highest, in percent.\n")
    print(
        "| network | multiply-adds per clip | seeds | "
        f"{' | '.join(MEASURES.values())} | top-1 against |"
    )
    print("|---" * (4 + len(MEASURES)) + "|")
    for name, lines in found.items():
        cost = f"{lines[0]['multiply_adds'] / 1e6:.1f}M"
        base = NETWORKS[name].base
        print_row(texts[name], cost, lines, texts.get(base, ""), top1.get(base))
        streams = [line["int8"] for line in lines if "int8" in line]
        if streams:
            print_row(
                f"{texts[name]}, int8 stream",
                cost,
                streams,
                "in float32",
                top1[name],
            )
    pairs = [
        f"{texts[first]} and {texts[second]}"
        for first, second in itertools.combinations(found, 2)
        if overlap(top1[first], top1[second])
    ]
    print(f"\nNot told apart in top-1: {'; '.join(pairs) or 'none'}.")


def print_row(text, cost, lines, base_text, base):
    cells = [spread([line[measure] for line in lines]) for measure in MEASURES]
    against = ""
    if base is not None:
        against = f"{base_text}: {compare(top1_of(lines), base)}"
    print(
        f"| {text} | {cost} | {len(lines)} | {' | '.join(cells)} | {against} |"
    )


def top1_of(lines):
    """Returns the top-1 of all seeds, in percent."""
    return np.array([100 * line["top1"] for line in lines])


if __name__ == "__main__":
    app.run(main)
