"""A small data set of videos with boxes, as `tsm prepare` writes it."""

import functools
import pathlib
import tempfile

from tsm_keras.data.moving_objects.generate import write_moving_objects
from tsm_keras.data.prepare.prepare import prepare
from tsm_keras.data.storage.image_settings import ImageSettings


@functools.cache
def shared_folder():
    """Returns a prepared data set of moving objects. Shared: do not change.

    It has 4 videos for training and one for validation, of 20 frames of 48
    pixels, 25 per second.
    """
    holder = tempfile.TemporaryDirectory()
    root = pathlib.Path(holder.name)
    write_moving_objects(
        root / "videos", videos=4, seconds=0.8, size=64, seed=0
    )
    dataset = prepare(
        root / "videos",
        root / "prepared",
        "coco_vid",
        images=ImageSettings(short_side=48),
        clips_per_shard=3,
        workers=1,
    )
    return dataset, root / "videos", holder


def shared_boxed():
    """Returns the `PreparedDataset` of `shared_folder`."""
    return shared_folder()[0]
