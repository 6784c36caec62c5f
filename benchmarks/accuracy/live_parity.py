"""Compares the logits of `tsm_live` with those of Keras on folders of videos.

    python -m benchmarks.accuracy.live_parity --actions=FOLDER --videos=FOLDER

Trains a causal MobileNetV2 on generated gestures, on the class folders in
`--actions` as further classes, and on all videos below `--videos` as one more
class. Exports it to TFLite as float32 and as int8 (calibrated on training
clips), and opens both as a `StreamingSession`. The sessions get twenty other
generated videos and those of `--actions` and `--videos`: frames as OpenCV reads
them, at the interval of training, up to `--frames` of each video. The Keras
model gets the same frames through the preprocessing of training.

The benchmark compares numbers, not accuracy, so the videos may be those of
training. The network should even know them: if the logits of two classes are
nearly equal, any rounding error decides between them. `--others=0` leaves
`--videos` out of training and shows this.

Files from which OpenCV reads no frame are counted and named. The exit status is
1 if a bar is missed. The benchmark took a quarter of an hour on two busy cores.
With `--preset` it uses a trained network if there is one.
"""

import itertools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow import keras

from benchmarks.timing import print_machine
from tsm_export.clips import video_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.gestures.generate import write_gestures
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.folder import scan_folder
from tsm_keras.data.video.resizing import center_crop, resize_short_side
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.clip import build_clip_model, with_frame_logits
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.models.weights import rebuild
from tsm_keras.training.fit import TrainingConfig, fit
from tsm_live import StreamingSession

FLAGS = flags.FLAGS
flags.DEFINE_string("actions", None, "Folder of class folders of videos.")
flags.DEFINE_multi_string("videos", [], "Folders of other videos.")
flags.DEFINE_integer("frames", 24, "First frames to take of each video.")
flags.DEFINE_float("width", 1.0, "Channel multiplier of MobileNetV2.")
flags.DEFINE_integer("image_size", 56, "Height and width of a frame.")
flags.DEFINE_integer("epochs", 20, "Passes over the training videos.")
flags.DEFINE_integer("gestures", 150, "Generated training videos per class.")
flags.DEFINE_integer("others", 3, "Copies of --videos in the training data.")
flags.DEFINE_integer("calibration", 800, "Clips to calibrate int8 with.")
flags.DEFINE_integer("seed", 0, "Seed of training.")
flags.DEFINE_string("preset", None, "Folder that keeps the trained network.")

FLOAT32_BAR, INT8_BAR = 1e-4, 0.98
_GENERATED = 20


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(TensorFlow=tf.__version__, Keras=KERAS_VERSION)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        training = training_videos(scratch / "training")
        preset = pathlib.Path(FLAGS.preset or scratch / "preset")
        if not preset.exists():
            save_preset(train(training), preset)
        model = load_preset(preset)
        sessions = {
            name: session(model, training, scratch / f"{name}.tflite", quantize)
            for name, quantize in (("float32", "none"), ("int8", "int8"))
        }
        rows = []
        for name, paths in groups(scratch / "held_out"):
            rows += report(name, paths, model, sessions)
    for what, value, holds in rows:
        print(f"{what:44}{value:>12}  {'PASS' if holds else 'FAIL'}")
    return 0 if all(holds for *_, holds in rows) else 1


def training_videos(folder):
    """Returns gestures, actions and, as one more class, other videos."""
    write_gestures(folder, clips_per_class=FLAGS.gestures, seed=0)
    for actions in class_folders(FLAGS.actions):
        (folder / actions.name).symlink_to(actions.resolve())
    others = [path for name in FLAGS.videos for path in files_below(name)]
    if others and FLAGS.others:
        (folder / "other").mkdir()
    for number, path in itertools.product(range(FLAGS.others), others):
        link = folder / "other" / f"{number}_{path.name}"
        link.symlink_to(path.resolve())
    videos = scan_folder(folder, max_bad_fraction=0.5 if others else 0.0)
    print(f"{len(videos.paths)} to train on, {len(videos.rejected)} unreadable")
    return videos


def files_below(folder):
    return sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file())


def class_folders(folder):
    found = pathlib.Path(folder).iterdir() if folder else ()
    return [path for path in found if path.is_dir()]


def train(videos):
    config = VideoClassifierConfig(
        num_classes=len(videos.label_names),
        labels=videos.label_names,
        shift="causal",
        shift_div=4,  # A narrow network learns faster with larger folds.
        width=FLAGS.width,
        image_size=FLAGS.image_size,
        dropout=0.0,
        frame_interval=videos.frame_interval(8),
    )
    keras.utils.set_random_seed(FLAGS.seed)
    model = build_clip_model(config)
    data = make_dataset(
        videos,
        config,
        batch_size=32,
        training=True,
        seed=FLAGS.seed,
        cache=True,
    )
    recipe = TrainingConfig(
        epochs=FLAGS.epochs,
        batch_size=32,
        learning_rate=8e-3,
        label_smoothing=0.1,
        seed=FLAGS.seed,
    )
    fit(model, data, recipe, verbose=2)
    return model


def session(model, videos, path, quantize):
    """Exports the model and returns a session with the artifact."""
    clips = video_clips(videos, model.video_config, FLAGS.calibration, seed=0)
    export_tflite(model, path, quantize=quantize, calibration_clips=clips)
    return StreamingSession(path)


def groups(folder):
    """Yields the name and the paths of each group of videos."""
    write_gestures(folder, clips_per_class=2, seed=99)
    yield "generated", sorted(folder.rglob("*.mp4"))[:_GENERATED]
    if FLAGS.actions:
        yield "actions", sorted(pathlib.Path(FLAGS.actions).glob("*/*"))
    for videos in FLAGS.videos:
        yield pathlib.Path(videos).name, files_below(videos)


def report(name, paths, model, sessions):
    """Runs a group of videos; returns one row per bar."""
    interval = model.video_config.clip.frame_interval
    videos = {path: frames_of(path, interval) for path in paths}
    empty = [path.name for path, frames in videos.items() if not frames]
    videos = {path: frames for path, frames in videos.items() if frames}
    expected = keras_logits(model, list(videos.values()))
    found = {
        dtype: [streamed(session, frames) for frames in videos.values()]
        for dtype, session in sessions.items()
    }
    whole = [
        logits.mean(axis=0).argmax() == int8.mean(axis=0).argmax()
        for logits, int8 in zip(expected, found["int8"], strict=True)
    ]
    expected, float32, int8 = map(
        np.concatenate, (expected, found["float32"], found["int8"])
    )
    worst = np.abs(float32 - expected).max() / np.abs(expected).max()
    top1 = expected.argmax(-1)
    same = np.mean(float32.argmax(-1) == top1)
    agree = np.mean(int8.argmax(-1) == top1)
    print(
        f"{name}: {len(videos)} videos, {len(expected)} frames; "
        f"{len(empty)} without a frame: {', '.join(empty) or '-'}"
    )
    # Shows whether the two highest logits are close where int8 differs.
    second, first = np.sort(expected, axis=-1)[:, -2:].T
    gap, differ = first - second, int8.argmax(-1) != top1
    print(
        f"{name}: first logit over second, median {np.median(gap):.2f}, where "
        f"int8 differs {np.median(gap[differ]) if differ.any() else 0:.2f}; "
        f"mean logits of {np.mean(whole):.2%} of the videos have the same top-1"
    )
    return [
        (f"{name}: float32, max error", f"{worst:.1e}", worst <= FLOAT32_BAR),
        (f"{name}: float32, same top-1", f"{same:.2%}", same >= 0.995),
        (f"{name}: int8, same top-1", f"{agree:.2%}", agree >= INT8_BAR),
    ]


def frames_of(path, interval):
    """Returns frames as OpenCV reads them, at the interval of training."""
    capture, frames = cv2.VideoCapture(str(path)), []
    fps = capture.get(cv2.CAP_PROP_FPS)
    every = max(1, round(interval * fps)) if 1 < fps <= 120 else 1
    for number in itertools.count():
        read, frame = capture.read()
        if not read or len(frames) == FLAGS.frames:
            break
        if number % every == 0:
            frames.append(frame)
    capture.release()
    return frames


def streamed(session, frames):
    session.reset()
    return np.stack([session.step(f, color="bgr").logits for f in frames])


def keras_logits(model, videos):
    """Returns the logits of every frame of each video, from Keras."""
    config = model.video_config.changed(num_segments=FLAGS.frames)
    long = rebuild(model, config, build_clip_model)
    network = tf.function(with_frame_logits(long), jit_compile=False)
    logits = []
    for frames in videos:
        clip = np.stack([frame[..., ::-1] for frame in frames])
        clip = resize_short_side(clip, config.input.resize_size)
        clip = center_crop(clip, config.input.image_size).astype(np.float32)
        # Padding is allowed, because later frames do not change logits.
        padding = [(0, FLAGS.frames - len(clip)), (0, 0), (0, 0), (0, 0)]
        padded = np.pad(clip, padding)
        found = network(padded[None])["frame_logits"].numpy()[0]
        logits.append(found[: len(clip)])
    return logits


if __name__ == "__main__":
    app.run(main)
