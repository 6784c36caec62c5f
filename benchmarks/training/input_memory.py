"""Checks that reading clips for several epochs does not use more memory.

    python -m benchmarks.training.input_memory

Prepares shards of 2,000 clips (copies of 36 generated ones, because only their
number matters) and runs 3 epochs of `make_dataset` in training, from the shards
and from the video files. The resident memory of the process is read after every
batch. The bar limits the growth from the peak of the first epoch to the peak of
the last.

The benchmark takes about three minutes on two cores. The exit status is 1 if a
bar is missed.
"""

import functools
import os
import pathlib
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from absl import app, flags

from benchmarks.timing import print_machine
from tsm_keras.data.gestures.generate import LABELS, write_gestures
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import make_plan
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.readers.folder import scan_folder
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.models.config import VideoClassifierConfig

FLAGS = flags.FLAGS
flags.DEFINE_integer("clips", 2000, "Clips per epoch.", lower_bound=64)
flags.DEFINE_integer("epochs", 3, "Number of epochs.", lower_bound=2)

SIZE = 112
BATCH = 16
GROWTH = 64.0  # MB.


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__)
    config = VideoClassifierConfig(num_classes=len(LABELS), image_size=SIZE)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        videos = write_copies(folder / "videos")
        shards = ingest(
            make_plan(
                read_collection("class_folders", SourceOptions(root=videos)),
                images=ImageSettings(short_side=config.input.resize_size),
                val_fraction=0.0,
            ),
            folder / "shards",
        )
        training = functools.partial(
            make_dataset, config=config, batch_size=BATCH, training=True
        )
        flat = [
            measure("shards", training(shards, split="train")),
            measure("videos", training(scan_folder(videos / "train"))),
        ]
    return 0 if all(flat) else 1


def write_copies(folder):
    """Writes generated clips, and copies them until there are enough."""
    write_gestures(folder / "train", clips_per_class=3, seed=0)
    originals = sorted((folder / "train").rglob("*.mp4"))
    for number in range(len(originals), FLAGS.clips):
        original = originals[number % len(originals)]
        shutil.copy(original, original.with_name(f"copy{number:05d}.mp4"))
    return folder


def measure(name, dataset):
    peaks = []
    for epoch in range(FLAGS.epochs):
        clips, peak = 0, 0.0
        for batch, _ in dataset:
            clips += len(batch)
            peak = max(peak, resident())
        peaks.append(peak)
        print(f"{name}, epoch {epoch}: {clips} clips, {peak:.0f} MB at most")
    growth = peaks[-1] - peaks[0]
    holds = growth <= GROWTH
    print(
        f"{name}: {growth:+.0f} MB from the first epoch to the last, bar <= "
        f"{GROWTH:.0f}  {'PASS' if holds else 'FAIL'}",
        flush=True,
    )
    return holds


def resident():
    """Returns the resident memory of this process in MB (Linux)."""
    pages = int(pathlib.Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    app.run(main)
