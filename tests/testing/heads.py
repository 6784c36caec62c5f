"""Generated gestures with two heads: a motion, and the light of the scene."""

import functools
import itertools
import pathlib
import tempfile

import numpy as np

from testing.plans import small_plan
from tsm_keras.data.gestures.generate import draw_clip, render
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.video.encoding import write_video

MOTIONS = ("swipe_left", "swipe_right")
LIGHTS = ("day", "night")
FLIP_PAIRS = (MOTIONS,)
_BRIGHTNESS = {"day": 1.0, "night": 0.35}


def write_clips(folder, *, train=4, test=2, seed=0):
    """Writes videos and `clips.csv`, whose columns `motion` and `light` label.

    Args:
        folder: The folder to write.
        train: The number of training clips per pair of classes.
        test: The number of test clips per pair of classes.
        seed: Equal seeds give equal clips.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    rows = ["path,motion,light,split"]
    for motion, light in itertools.product(MOTIONS, LIGHTS):
        for number in range(train + test):
            name = f"{motion}_{light}_{number}.mp4"
            clip = draw_clip(motion, 1000 * seed + 10 * len(rows))
            frames = np.round(render(clip) * _BRIGHTNESS[light])
            write_video(folder / name, frames.astype(np.uint8), fps=clip.fps)
            split = "train" if number < train else "test"
            rows.append(f"{name},{motion},{light},{split}")
    (folder / "clips.csv").write_text("\n".join(rows))
    return folder


def prepare(folder, to, **settings):
    """Prepares the clips of `write_clips`; returns the `PreparedDataset`."""
    settings = {"images": ImageSettings(short_side=48)} | settings
    plan = small_plan(folder, "csv", flip_pairs=FLIP_PAIRS, **settings)
    return ingest(plan, to, workers=1)


@functools.cache
def shared_folder():
    """Returns 16 training clips and 8 test clips. Shared: do not change."""
    holder = tempfile.TemporaryDirectory()
    root = pathlib.Path(holder.name)
    return prepare(write_clips(root / "videos"), root / "prepared"), holder


def shared_heads():
    """Returns the `PreparedDataset` of `shared_folder`."""
    return shared_folder()[0]
