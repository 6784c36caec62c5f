"""Measures the speed of reading clips from shards and from video files.

    python -m benchmarks.training.input_pipeline

Writes H.264 videos of 90 frames of 320x240 pixels, prepares shards of them as
`tsm prepare` does, and times one epoch of `make_dataset` in training (8 frames
of 224 pixels, spread over the whole video). It is compared with plain ways to
read the same videos in a parallel `map`: decoding the whole video with PyAV or
with OpenCV. Windows (dense sampling of 16 frames) are read from videos with
several key frames. The variants take turns in one run.

The ceiling is the JPEG decoding of the sampled frames alone, on all cores,
without reading, cropping or batching.

An epoch reads each shard 32 times, so that starting the threads takes a small
share of it. Times are per clip.

The benchmark takes about two minutes on two cores. The exit status is 1 if a
bar is missed.
"""

import dataclasses
import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import av
import cv2
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.timing import Ratio, print_machine, report
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.sampling import SamplingConfig, segment_indices
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import make_plan
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.readers.folder import scan_folder
from tsm_keras.data.storage.clip_record import parse_clip
from tsm_keras.data.video.resizing import resize_short_side
from tsm_keras.models.config import VideoClassifierConfig

FLAGS = flags.FLAGS
flags.DEFINE_integer("clips", 64, "Videos of each kind.", lower_bound=16)
flags.DEFINE_integer("rounds", 9, "Turns of each variant.", lower_bound=1)
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")

FRAMES, HEIGHT, WIDTH = 90, 240, 320
KEY_FRAME_INTERVALS = {"one key frame": 250, "six key frames": 15}
BATCH = 8
REPEATS = 32
CONFIG = VideoClassifierConfig(num_classes=2, num_segments=8, image_size=224)
WINDOW = SamplingConfig("dense", window=16)

SHARDS = "shards"
CACHED = "shards, cache=True"
TUNED = "shards, tuned by TensorFlow"
MULTI_SCALE = "shards, multi-scale crop"
CEILING = "ceiling: JPEG decoding alone"
SPREAD = "MP4, frames of the whole clip"
WINDOWED = "MP4, frames of a window"
PYAV = "whole-clip PyAV"
PYAV_WINDOWED = "whole-clip PyAV, six key frames"
OPENCV = "whole-clip cv2"


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__, PyAV=av.__version__)
    print(
        f"{FLAGS.clips} clips of {FRAMES} frames, {WIDTH}x{HEIGHT}, H.264; "
        f"{CONFIG.clip.num_segments} frames of "
        f"{CONFIG.input.image_size} pixels per clip; "
        f"{os.cpu_count()} cores, {FLAGS.clock} time"
    )
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        spread, windowed = (
            scan_folder(write_videos(folder / name, interval))
            for name, interval in KEY_FRAME_INTERVALS.items()
        )
        shards = prepare(folder / "one key frame", folder / "shards")
        split = shards.split("train")
        long = dataclasses.replace(split, shards=split.shards * REPEATS)
        long_shards = dataclasses.replace(shards, splits={"train": long})
        training = functools.partial(
            make_dataset, config=CONFIG, batch_size=BATCH, training=True
        )
        from_shards = functools.partial(training, long_shards, split="train")
        multi_scale = AugmentationConfig(crop="multi_scale")
        datasets = {
            SHARDS: from_shards(),
            CEILING: jpeg_decoding(shards).repeat(REPEATS),
            CACHED: from_shards(cache=True),
            TUNED: tuned(from_shards()),
            MULTI_SCALE: from_shards(augmentation=multi_scale),
            SPREAD: training(spread),
            PYAV: whole_clips(spread, decode_with_pyav),
            OPENCV: whole_clips(spread, decode_with_opencv),
            WINDOWED: training(windowed, sampling=WINDOW),
            PYAV_WINDOWED: whole_clips(windowed, decode_with_pyav),
        }
        variants = {
            name: functools.partial(run_epoch, dataset)
            for name, dataset in datasets.items()
        }
        times = interleave(
            variants, rounds=FLAGS.rounds, clock=FLAGS.clock, warmup=1
        )
    ratios = [
        Ratio(PYAV, SHARDS, at_least=3.5),
        Ratio(CEILING, SHARDS, at_least=0.8),
        Ratio(CEILING, CACHED),
        Ratio(TUNED, SHARDS),
        Ratio(CEILING, MULTI_SCALE),
        Ratio(PYAV, SPREAD, at_least=1.0),
        Ratio(PYAV_WINDOWED, WINDOWED, at_least=2.0),
        Ratio(OPENCV, SHARDS),
    ]
    of_shards = (SHARDS, CEILING, CACHED, TUNED, MULTI_SCALE)
    a_clip = {
        name: seconds / FLAGS.clips / (REPEATS if name in of_shards else 1)
        for name, seconds in times.items()
    }
    return 0 if report(a_clip, ratios) else 1


def tuned(dataset):
    """Returns the data set with the tuning that `make_dataset` turns off."""
    options = tf.data.Options()
    options.autotune.enabled = True
    return dataset.with_options(options)


def write_videos(folder, key_frame_interval):
    """Writes videos `folder/train/CLASS/FILE` of moving textures with noise."""
    for number in range(FLAGS.clips):
        path = folder / "train" / str(number % 2) / f"{number:04d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(number)
        coarse = random.integers(0, 256, (40, 60, 3), np.uint8)
        picture = cv2.resize(coarse, (2 * WIDTH, 2 * HEIGHT))
        noise = random.normal(0, 4, (HEIGHT, 2 * WIDTH, 3))
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.height, stream.width = HEIGHT, WIDTH
            stream.pix_fmt = "yuv420p"
            stream.gop_size = key_frame_interval
            stream.options = {"crf": "23", "preset": "veryfast"}
            for step in range(FRAMES):
                frame = picture[step : step + HEIGHT, 2 * step :][:, :WIDTH]
                grain = noise[:, 7 * step % WIDTH :][:, :WIDTH]
                frame = np.clip(frame + grain, 0, 255).astype(np.uint8)
                picture_frame = av.VideoFrame.from_ndarray(frame, "rgb24")
                container.mux(stream.encode(picture_frame))
            container.mux(stream.encode())
    return folder / "train"


def prepare(folder, target):
    """Prepares shards with the defaults of `tsm prepare`."""
    collection = read_collection("class_folders", SourceOptions(root=folder))
    return ingest(make_plan(collection, val_fraction=0.0), target)


def whole_clips(videos, decode):
    """Makes a data set that decodes all frames, takes 8 and crops them."""

    def load(path):
        frames = decode(path.decode())
        indices = segment_indices(len(frames), CONFIG.clip.num_segments).numpy()
        frames = resize_short_side(frames[indices], CONFIG.input.resize_size)
        return frames[:, : CONFIG.input.image_size, : CONFIG.input.image_size]

    return (
        tf.data.Dataset.from_tensor_slices(list(videos.paths))
        .map(
            lambda path: tf.numpy_function(load, [path], tf.uint8),
            tf.data.AUTOTUNE,
        )
        .batch(BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )


def decode_with_pyav(path):
    with av.open(path) as container:
        return np.stack(
            [
                frame.to_ndarray(format="rgb24")
                for frame in container.decode(video=0)
            ]
        )


def decode_with_opencv(path):
    capture = cv2.VideoCapture(path)
    frames = []
    while True:
        found, frame = capture.read()
        if not found:
            return np.stack(frames)
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def jpeg_decoding(dataset):
    """Makes a data set that decodes the frames of evaluation from memory."""
    clips = []
    for record in tf.data.TFRecordDataset(dataset.shard_paths("train")):
        frames = parse_clip(record)["frames"]
        indices = segment_indices(len(frames), CONFIG.clip.num_segments)
        clips.append(tf.gather(frames, indices).numpy())

    def decode(frames):
        return tf.stack(
            [
                tf.shape(tf.io.decode_jpeg(frame, channels=3))
                for frame in tf.unstack(frames)
            ]
        )

    return tf.data.Dataset.from_tensor_slices(np.stack(clips)).map(
        decode, tf.data.AUTOTUNE
    )


def run_epoch(dataset):
    for _ in dataset:
        pass


if __name__ == "__main__":
    app.run(main)
