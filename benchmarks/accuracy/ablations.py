"""Repeats the ablations of the TSM paper on generated gestures.

    python -m benchmarks.accuracy.ablations --to=results.jsonl
    python -m benchmarks.accuracy.ablations --to=results.jsonl --table

Trains every setting from scratch with several seeds, and writes one line per
run when the run is done. To continue an interrupted benchmark, run the same
command again. `--table` prints the results so far as Markdown tables. The exit
status is 1 if a bar is missed. Each run is a process with one thread, because
small networks gain little from more. The benchmark takes less than 30 minutes
on two idle cores.
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

from benchmarks.accuracy.clip_accuracy import compare
from benchmarks.accuracy.end_of_video import at_the_end, print_ends
from benchmarks.accuracy.gesture_streams import gestures, gestures_in_memory
from benchmarks.accuracy.resumable_runs import (
    read_lines,
    run_missing,
    train_from_scratch,
)
from benchmarks.timing import print_machine
from tsm_keras.data.gestures.generate import ORDER_BLIND_CEILING
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.views import predict_views
from tsm_keras.keras_version import KERAS_VERSION

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "File of results, one JSON line per run.")
flags.DEFINE_boolean("table", False, "Print tables of that file; run nothing.")
flags.DEFINE_list("only", [], "Names of settings to run. (default: all)")
flags.DEFINE_integer("seeds", 3, "Runs of each setting.")
flags.DEFINE_string("data", None, "Folder that keeps the generated videos.")
flags.DEFINE_integer("training_clips", 100, "Training videos per class.")
flags.DEFINE_integer("test_clips", 25, "Test videos per class.")
flags.DEFINE_integer("epochs", 8, "Passes over the training videos.")
flags.DEFINE_float("width", 0.35, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 48, "Height and width of a frame.")
flags.DEFINE_float("learning_rate", 8e-3, "Peak learning rate.")
flags.DEFINE_integer("workers", 2, "Runs at the same time.")
flags.mark_flag_as_required("to")

TSN_BAR, CAUSAL_BAR = 35.0, 2.0  # Percentage points.
_SCALE = (
    *("training_clips", "test_clips", "epochs", "width", "image_size"),
    "learning_rate",
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """A network to train, with a name and the text of its row."""

    name: str
    text: str
    shift: str = "bidirectional"
    shift_div: int = 4
    placement: str = "residual"
    num_segments: int = 8
    stages: tuple[int, ...] = ()


# At this width the smallest mark has 8 channels, so the smallest fold is 1/8:
# a causal shift moves one fold, a bidirectional one two.
BASE = Setting("tsm", "TSM, 1/2")
SETTINGS = (
    BASE,
    Setting("tsn", "0 (TSN)", shift="none"),
    Setting("causal", "1/4", shift="causal"),
    Setting("causal_eighth", "1/8", shift="causal", shift_div=8),
    Setting("causal_half", "1/2", shift="causal", shift_div=2),
    Setting("causal_all", "all", shift="causal", shift_div=1),
    Setting("late", "5 and 6, 1/4", shift="causal", stages=(5, 6)),
    Setting("late_half", "5 and 6, 1/2", "causal", shift_div=2, stages=(5, 6)),
    Setting("inplace", "in-place, 1/2", placement="inplace"),
    Setting("all", "residual, all", shift_div=2),
    Setting("inplace_all", "in-place, all", shift_div=2, placement="inplace"),
    Setting("segments_2", "2", num_segments=2),
    Setting("segments_4", "4", num_segments=4),
)
# For each table: its title, the header of the first column, and its rows. A row
# is the name of a setting and a text that replaces the setting's own, or None.
# All rows are compared with the first one.
TABLES = (
    (
        "Does time matter",
        "shift",
        (("tsm", "TSM"), ("causal", "causal TSM"), ("tsn", "none (TSN)")),
    ),
    (
        "Shift proportion (causal)",
        "share of channels shifted",
        (
            *(("causal", None), ("tsn", None), ("causal_eighth", None)),
            *(("causal_half", None), ("causal_all", None)),
        ),
    ),
    (
        "Stages with a shift (causal)",
        "stages and share of channels shifted",
        (
            *(("causal_half", "all, 1/2"), ("causal", "all, 1/4")),
            *(("late_half", None), ("late", None)),
        ),
    ),
    (
        "Placement (bidirectional)",
        "placement and share",
        (
            *(("tsm", "residual, 1/2"), ("inplace", None)),
            *(("all", None), ("inplace_all", None)),
        ),
    ),
    (
        "Number of segments (bidirectional)",
        "frames per clip",
        (("tsm", "8"), ("segments_4", None), ("segments_2", None)),
    ),
)


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    names = [setting.name for setting in SETTINGS]
    if unknown := sorted(set(FLAGS.only) - set(names)):
        raise app.UsageError(f"--only takes {names}. Received: {unknown}")
    path = pathlib.Path(FLAGS.to)
    if not FLAGS.table:
        print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
        run_all(path)
    found = read_results(path)
    print_tables(found)
    print_ends(
        [
            line["end"]
            for line in read_lines(path)
            if "end" in line and scale().items() <= line.items()
        ]
    )
    return 0 if print_bars(found) else 1


def run_all(path):
    with tempfile.TemporaryDirectory() as scratch:
        data = str(FLAGS.data or pathlib.Path(scratch) / "data")
        gestures(
            data,
            training_clips=FLAGS.training_clips,
            test_clips=FLAGS.test_clips,
        )
        # The seed changes last, so that an interrupted run has every setting.
        jobs = [
            {"setting": setting.name, "seed": seed, **scale()}
            for seed in range(FLAGS.seeds)
            for setting in SETTINGS
            if setting.name in (FLAGS.only or [setting.name])
        ]
        run_missing(
            path, jobs, functools.partial(run, data), workers=FLAGS.workers
        )


def scale():
    """Returns the amount of data and training, which every line records."""
    return {name: FLAGS[name].value for name in _SCALE}


def run(data, job):
    """Trains one network from scratch and returns its top-1 accuracy."""
    videos, training, test = gestures_in_memory(
        data, job["training_clips"], job["test_clips"]
    )
    setting = next(x for x in SETTINGS if x.name == job["setting"])
    config = videos.config(
        width=job["width"],
        image_size=job["image_size"],
        dropout=0.0,
        shift=setting.shift,
        shift_div=setting.shift_div,
        placement=setting.placement,
        num_segments=setting.num_segments,
        stages=setting.stages,
    )
    model = train_from_scratch(job, training, config)
    predictions = predict_views(
        KerasPredictor(model), test, config, ViewConfig(), batch_size=32
    )
    result = {"top1": predictions.top1()}
    if setting.name in ("tsm", "causal"):
        result["end"] = at_the_end(model, test)
    keras.backend.clear_session()
    return result


def read_results(path):
    """Returns the top-1 of all seeds of each setting, in percent.

    Lines whose scale differs from the flags are left out.
    """
    found = {}
    for line in read_lines(path):
        if scale().items() <= line.items():
            found.setdefault(line["setting"], []).append(100 * line["top1"])
    return {name: np.array(top1) for name, top1 in found.items()}


def print_tables(found):
    texts = {setting.name: setting.text for setting in SETTINGS}
    for title, header, rows in TABLES:
        base = found.get(rows[0][0])
        print(f"\n### {title}\n")
        print(f"| {header} | top-1, mean | seeds | against the first row |")
        print("|---|---|---|---|")
        for name, text in rows:
            top1 = found.get(name)
            if top1 is None:
                continue
            seeds = ", ".join(f"{x:.1f}" for x in top1)
            print(
                f"| {text or texts[name]} | {top1.mean():.1f} | {seeds} | "
                f"{compare(top1, base) if name != rows[0][0] else ''} |"
            )


def print_bars(found):
    """Prints the bars that have results; returns whether they are met."""
    means = {name: top1.mean() for name, top1 in found.items()}
    if not {"tsn", "tsm", "causal"} <= set(means):
        return True
    print(
        f"\nA model that ignores the order of frames reaches at most "
        f"{ORDER_BLIND_CEILING:.1%}."
    )
    rows = (
        ("TSM - TSN", means["tsm"] - means["tsn"], f">= {TSN_BAR:.0f}"),
        (
            "TSM - causal",
            means["tsm"] - means["causal"],
            f"<= {CAUSAL_BAR:.0f}",
        ),
    )
    verdicts = [rows[0][1] >= TSN_BAR, rows[1][1] <= CAUSAL_BAR]
    for (name, value, bar), holds in zip(rows, verdicts, strict=True):
        verdict = "PASS" if holds else "FAIL"
        print(f"{name:14}{value:+7.1f} points  {bar:>6}  {verdict}")
    return all(verdicts)


if __name__ == "__main__":
    app.run(main)
