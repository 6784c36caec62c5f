"""Measures how long a data set of many clips takes to open and to begin.

    python -m benchmarks.scale.opening

Writes a prepared data set of 100,000 clips of two tiny frames. A process of its
own then opens it, reads the names of all clips and takes the first batch of a
training; the import of TensorFlow does not count.

The bars: 2 s to open it with the names, 5 s to the first batch. The exit status
is 1 if a bar is missed.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
from absl import app, flags

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.clip_encoding import EncodedClip
from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.prepare.dataset_folder import finish, unfinished_shards
from tsm_keras.data.prepare.plan import IngestPlan, PlannedShard
from tsm_keras.data.prepare.shards import write_shard
from tsm_keras.data.storage.image_settings import ImageSettings

FLAGS = flags.FLAGS
flags.DEFINE_integer("clips", 100_000, "Number of clips.", lower_bound=64)
flags.DEFINE_string("folder", None, "Folder to write and keep.")

_PER_SHARD = 32
_OPEN, _BATCH = 2.0, 5.0  # Seconds.
_RUN = """
import json, sys, time
import tensorflow as tf
import tsm_keras
from tsm_keras.data.readers.clip_reader import open_clips, split_names
config = tsm_keras.VideoClassifierConfig(num_classes=4, image_size=32)
start = time.perf_counter()
assert split_names(sys.argv[1]) == ["train"]
clips = open_clips(sys.argv[1], "train")
opened = time.perf_counter() - start
names = clips.clip_names
named = time.perf_counter() - start
assert len(set(names)) == clips.num_clips
start = time.perf_counter()
data = tsm_keras.make_dataset(
    sys.argv[1], config, split="train", batch_size=8, training=True
)
next(iter(data))
batch = opened + time.perf_counter() - start
print(json.dumps({"opened": opened, "named": named, "batch": batch}))
"""


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(FLAGS.folder or temporary) / "set"
        if not folder.exists():
            start = time.perf_counter()
            _write(folder)
            print(f"written in {time.perf_counter() - start:.0f} s")
        result = subprocess.run(
            [sys.executable, "-c", _RUN, folder],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found = json.loads(result.stdout)
    print(
        f"{FLAGS.clips} clips: opened after {found['opened']:.2f} s, with "
        f"names after {found['named']:.2f} s, bar <= {_OPEN:g}; first batch "
        f"after {found['batch']:.2f} s, bar <= {_BATCH:g}"
    )
    return 0 if found["named"] <= _OPEN and found["batch"] <= _BATCH else 1


def _write(folder):
    labels = ("a", "b", "c", "d")
    count = FLAGS.clips // _PER_SHARD
    shards = tuple(
        PlannedShard(
            file=f"train-{number:05d}-of-{count:05d}.tfrecord",
            split="train",
            clips=tuple(
                ClipSource(
                    f"videos/of/somebody/{place}.mp4",
                    labels[place % 4],
                    "train",
                )
                for place in range(number, count * _PER_SHARD, count)
            ),
        )
        for number in range(count)
    )
    plan = IngestPlan(
        name="synthetic",
        root=folder,
        heads=(Head(labels),),
        images=ImageSettings(),
        flip_pairs=None,
        shards=shards,
        rejected=(),
        clips_sha256="",
        sizes_sha256="",
    )
    _, jpeg = cv2.imencode(".jpg", np.full((36, 48, 3), 128, np.uint8))
    clip = EncodedClip(
        frames=(jpeg.tobytes(),) * 2,
        timestamps=(0, 500_000),
        height=36,
        width=48,
        frame_rate=2.0,
        start=0,
        end=1_000_000,
    )
    with unfinished_shards(plan, folder):
        for shard in shards:
            for _ in write_shard(plan, shard, folder, lambda *_: clip, {}):
                pass
        finish(plan, folder)


if __name__ == "__main__":
    app.run(main)
