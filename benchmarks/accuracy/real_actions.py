r"""Trains TSN, TSM and causal TSM on real clips, and tests an int8 artifact.

    python -m benchmarks.accuracy.real_actions --actions=FOLDER \
        --to=results.jsonl
    python -m benchmarks.accuracy.real_actions --to=results.jsonl --table
    python -m benchmarks.accuracy.real_actions --actions=FOLDER \
        --to=results.jsonl --backbone=efficientnet_lite0 --width=1 \
        --recipe=finetune_small --epochs=30 --image_size=96

FOLDER has clips of four actions of a person below a ceiling camera (sitting
down, getting up, lying down, walking) and `manifest.csv`, which has a split by
recording and one by person. The clips are prepared once, in a small size. Every
network is trained with several seeds, from random weights or, with --recipe,
from the ImageNet weights of its backbone. One line per run is written when the
run is done. To continue an interrupted benchmark, run the same command again.
The columns "backwards" are for test clips that are played from the last frame
to the first, with unchanged labels. The benchmark takes about 15 minutes on two
cores with the default flags.
"""

import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags

from benchmarks.accuracy.action_clips import prepare_actions, short_side
from benchmarks.accuracy.clip_accuracy import (
    MEASURES,
    accuracies,
    int8_accuracies,
    spread,
)
from benchmarks.accuracy.end_of_video import at_the_end, print_ends
from benchmarks.accuracy.resumable_runs import (
    read_lines,
    run_missing,
    train_from_imagenet,
    train_from_scratch,
)
from benchmarks.timing import print_machine
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.late_stages import late_stages

FLAGS = flags.FLAGS
flags.DEFINE_string("actions", None, "Folder of the clips and manifest.csv.")
flags.DEFINE_string("to", None, "File of results, one JSON line per run.")
flags.DEFINE_boolean("table", False, "Print the table; run nothing.")
flags.DEFINE_string("prepared", None, "Folder that keeps the prepared clips.")
flags.DEFINE_integer("seeds", 3, "Runs of each network.")
flags.DEFINE_integer("epochs", 50, "Passes over the training clips.")
flags.DEFINE_enum("backbone", "mobilenet_v2", [*BACKBONES], "The backbone.")
flags.DEFINE_float("width", 0.35, "Channel multiplier of MobileNetV2.")
flags.DEFINE_string(
    "recipe",
    "",
    "Recipe to train with from the ImageNet weights of the backbone; empty for "
    "random weights and --learning_rate.",
)
flags.DEFINE_enum(
    "split", "session", ["session", "person"], "How the clips are split."
)
flags.DEFINE_list(
    "networks", ["none", "bidirectional", "causal"], "Shifts to train with."
)
flags.DEFINE_integer("image_size", 64, "Height and width of a frame.")
flags.DEFINE_float("learning_rate", 4e-3, "Peak learning rate.")
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")

_SCALE = (
    *("epochs", "backbone", "width", "image_size", "learning_rate"),
    *("recipe", "split"),
)
NETWORKS = {
    "none": "TSN",
    "bidirectional": "TSM",
    "causal": "causal TSM",
    "int8": "causal TSM, int8 TFLite, streamed",
}


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        if not FLAGS.actions:
            raise app.UsageError("--actions must name the folder of clips.")
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        with tempfile.TemporaryDirectory() as scratch:
            data = prepare_actions(
                pathlib.Path(FLAGS.actions),
                FLAGS.prepared or scratch,
                image_size=FLAGS.image_size,
                split=FLAGS.split,
            )
            jobs = [
                {"shift": shift, "seed": seed, **placement(shift), **scale()}
                for seed in range(FLAGS.seeds)
                for shift in FLAGS.networks
            ]
            run_missing(
                path, jobs, functools.partial(run, data), workers=FLAGS.workers
            )
    print_table(path)


def scale():
    """Returns the settings of training, which every line records."""
    return {name: FLAGS[name].value for name in _SCALE}


def placement(shift):
    """Returns the stages of a shift, and the part of the channels it moves."""
    if FLAGS.recipe:
        # As `tsm train --pretrained=imagenet`.
        late = late_stages({"backbone": FLAGS.backbone, "shift": shift})
        late = {"stages": (), "shift_div": 8, **late}
        return {**late, "stages": [*late["stages"]]}  # As in JSON.
    # A network from random weights is so narrow that an eighth of its channels
    # are one or two.
    return {"stages": [], "shift_div": 4}


def run(data, job):
    """Trains one network and returns its accuracies."""
    training = open_clips(data, "train", cache=True)
    test = open_clips(data, "test", cache=True)
    config = VideoClassifierConfig(
        num_classes=len(training.label_names),
        labels=training.label_names,
        backbone=job["backbone"],
        width=job["width"],
        image_size=job["image_size"],
        resize_size=short_side(job["image_size"]),
        shift=job["shift"],
        stages=job["stages"],
        shift_div=job["shift_div"],
        dropout=0.2,
        frame_interval=training.frame_interval(8),
    )
    if job["recipe"]:
        model = train_from_imagenet(job, training, config, flip=True)
        config = model.video_config
    else:
        model = train_from_scratch(
            job, training, config, flip=True, label_smoothing=0.1
        )
    result = accuracies(KerasPredictor(model), test, config)
    if job["shift"] != "none":
        result["end"] = at_the_end(model, test)
    if job["shift"] == "causal":
        result["int8"] = int8_accuracies(
            model, training, test, seed=job["seed"]
        )
    return result


def print_table(path):
    """Prints a Markdown table of the runs whose settings are the flags'."""
    found = {name: [] for name in NETWORKS}
    ends = []
    for line in read_lines(path):
        wanted = placement(line["shift"]) | scale()
        if wanted.items() <= line.items():
            found[line["shift"]].append(line)
            ends += [line["end"]] if "end" in line else []
            if "int8" in line:
                found["int8"].append(line["int8"])
    print("\nMean over the seeds, with the lowest and highest, in percent.\n")
    print(f"| network | seeds | {' | '.join(MEASURES.values())} |")
    print("|---|---|---|---|---|---|")
    for name, lines in found.items():
        if lines:
            cells = [
                spread([x[measure] for x in lines]) for measure in MEASURES
            ]
            print(f"| {NETWORKS[name]} | {len(lines)} | {' | '.join(cells)} |")
    print_ends(ends)


if __name__ == "__main__":
    app.run(main)
