"""A small prepared data set, as `tsm prepare` writes it."""

import functools
import pathlib
import tempfile

from testing.gestures import write_folder
from testing.plans import small_plan
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.storage.image_settings import ImageSettings

FLIP_PAIRS = (("swipe_left", "swipe_right"),)


@functools.cache
def shared_folder():
    """Returns a prepared data set: 8 training clips in 3 shards, 4 test clips.

    Shared: do not change.
    """
    holder = tempfile.TemporaryDirectory()
    root = pathlib.Path(holder.name)
    write_folder(root / "videos" / "train")
    write_folder(root / "videos" / "test", clips_per_class=1, seed=50)
    plan = small_plan(
        root / "videos",
        images=ImageSettings(short_side=54),
        flip_pairs=FLIP_PAIRS,
        clips_per_shard=3,
    )
    return ingest(plan, root / "prepared", workers=1), holder


def shared_prepared():
    """Returns the `PreparedDataset` of `shared_folder`."""
    return shared_folder()[0]
