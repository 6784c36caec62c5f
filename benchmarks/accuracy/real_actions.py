r"""Trains TSN, TSM and causal TSM on real clips, and tests an int8 artifact.

    python -m benchmarks.accuracy.real_actions --actions=FOLDER \
        --to=results.jsonl
    python -m benchmarks.accuracy.real_actions --to=results.jsonl --table
    python -m benchmarks.accuracy.real_actions --actions=FOLDER \
        --to=results.jsonl --backbone=efficientnet_lite0 --width=1 \
        --recipe=finetune_small --epochs=30

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

import csv
import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags

from benchmarks.accuracy.end_of_video import at_the_end, print_ends, spread
from benchmarks.accuracy.resumable_runs import (
    read_lines,
    run_missing,
    train_from_imagenet,
    train_from_scratch,
)
from benchmarks.timing import print_machine
from tsm_cli.predictors import ArtifactPredictor
from tsm_export.clips import video_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import make_plan
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import is_prepared
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.metrics import compute_metrics
from tsm_keras.evaluation.views import predict_views
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import VideoClassifierConfig

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
MEASURES = ("top1", "macro", "top1_backwards", "macro_backwards")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        if not FLAGS.actions:
            raise app.UsageError("--actions must name the folder of clips.")
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        with tempfile.TemporaryDirectory() as scratch:
            data = FLAGS.prepared or f"{scratch}/prepared"
            prepare(pathlib.Path(FLAGS.actions), data)
            jobs = [
                {"shift": shift, "seed": seed, **scale()}
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


def prepare(actions, folder):
    """Writes a prepared data set of small clips, unless it exists."""
    if is_prepared(folder):
        return
    with tempfile.TemporaryDirectory() as scratch:
        lists = pathlib.Path(scratch) / "clips.csv"
        with (
            (actions / "manifest.csv").open(encoding="utf-8") as manifest,
            lists.open("w", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(("path", "label", "split"))
            for row in csv.DictReader(manifest):
                writer.writerow(
                    (row["clip"], row["cls"], row[f"split_{FLAGS.split}"])
                )
        options = SourceOptions(actions, lists=lists)
        plan = make_plan(
            read_collection("csv", options),
            name="actions",
            images=ImageSettings(
                short_side=_short_side(FLAGS.image_size), max_frame_rate=12.5
            ),
            # Seen from above, no class changes when it is mirrored.
            flip_pairs=(),
        )
        ingest(plan, folder)


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
        resize_size=_short_side(job["image_size"]),
        shift=job["shift"],
        shift_div=4,
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
    result = worth(KerasPredictor(model), test, config)
    if job["shift"] != "none":
        result["end"] = at_the_end(model, test)
    if job["shift"] == "causal":
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch) / "int8.tflite"
            clips = video_clips(training, config, 50, job["seed"])
            export_tflite(model, path, quantize="int8", calibration_clips=clips)
            result["int8"] = worth(ArtifactPredictor(path), test, config)
    return result


def _short_side(image_size):
    return image_size * 9 // 8


def worth(predictor, test, config):
    result = {}
    for suffix, step in (("", 1), ("_backwards", -1)):
        predictions = predict_views(
            lambda clips, step=step: predictor(clips[:, ::step]),
            test,
            config,
            ViewConfig(),
            batch_size=32,
        )
        metrics = compute_metrics(predictions)
        result[f"top1{suffix}"] = metrics.top1
        result[f"macro{suffix}"] = metrics.mean_class_accuracy
    return result


def print_table(path):
    """Prints a Markdown table of the runs whose settings are the flags'."""
    found = {name: [] for name in NETWORKS}
    ends = []
    for line in read_lines(path):
        if scale().items() <= line.items():
            found[line["shift"]].append(line)
            ends += [line["end"]] if "end" in line else []
            if "int8" in line:
                found["int8"].append(line["int8"])
    print("\nMean over the seeds, with the lowest and highest, in percent.\n")
    print(
        "| network | seeds | top-1 | mean class accuracy | top-1 backwards | "
        "mean class accuracy backwards |"
    )
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
