"""Makes plans and prepared data sets of small collections."""

import pathlib

from testing.gestures import shared_videos
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import make_plan
from tsm_keras.data.storage.image_settings import ImageSettings

TINY = ImageSettings(short_side=32)


def gesture_root():
    """Returns the folder of 8 generated videos in 4 classes."""
    return pathlib.Path(shared_videos().paths[0]).parents[1]


def small_plan(root=None, source_format="class_folders", **settings):
    """Plans a collection with tiny frames, by default the generated one."""
    collection = read_collection(
        source_format, SourceOptions(pathlib.Path(root or gesture_root()))
    )
    settings = {"images": TINY, "clips_per_shard": 2} | settings
    return make_plan(collection, **settings)


def contents(folder):
    """Returns the bytes of all files in a folder, by name."""
    return {
        path.name: path.read_bytes()
        for path in sorted(pathlib.Path(folder).iterdir())
    }
