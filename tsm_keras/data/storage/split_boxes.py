"""read_boxes: the boxes of all frames of a split, from one small file.

The records have them too, but together with the frames. The file `SPLIT.boxes`
is an archive of NumPy arrays: the fields of `BoxTable`, and `key`, the hash of
the shards that they belong to. It is derived from the shards: if it is missing
or belongs to other shards, it is written again.
"""

import contextlib
import functools
import pathlib
import zipfile
from collections.abc import Sequence

import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.storage.box_table import BOX, BoxTable, join_boxes
from tsm_keras.data.storage.boxed_record import parse_boxes
from tsm_keras.data.storage.prepared_dataset import PreparedDataset, Shard
from tsm_keras.data.storage.shard_reader import records_of_shard
from tsm_keras.data.storage.split_index import shards_key


def read_boxes(dataset: PreparedDataset, split: str) -> BoxTable:
    """Returns the boxes of a split, in the order of its clips and frames.

    A command reads each file once, however often it opens the data set.

    Args:
        dataset: A data set with boxes.
        split: Name of the split.

    Raises:
        OSError: If the file must be written but cannot be.
        ValueError: If the file must be written and a shard is damaged.
    """
    shards = [shard for shard in dataset.split(split).shards if shard.clips]
    path = boxes_path(dataset.folder, split)
    if boxes := _read(path, shards_key(shards)):
        return boxes
    boxes = join_boxes(
        [
            parse_boxes(record)
            for shard in shards
            for _, record in records_of_shard(
                dataset.folder / shard.file, only_context=False
            )
        ]
    )
    write_boxes(path, shards, boxes)
    return boxes


def _read(path, key):
    """Returns the table in a file, or None if it is not of these shards."""
    try:
        status = path.stat()
    except OSError:
        return None
    identity = (status.st_ino, status.st_mtime_ns, status.st_size)
    return _read_once(path, identity, key)


@functools.lru_cache(maxsize=8)
def _read_once(path, identity, key):
    """Reads a file once; a file that replaces it has a different `identity`."""
    with contextlib.suppress(
        *(OSError, EOFError, ValueError, TypeError, KeyError, AttributeError),
        zipfile.BadZipFile,
    ):
        with np.load(path) as stored:
            fields = {name: stored[name] for name in stored.files}
        if fields.pop("key").tobytes() != key:
            return None
        fields["rows"] = fields["rows"].astype(BOX)
        for array in fields.values():  # All that open the data set share it.
            array.setflags(write=False)
        return BoxTable(**fields)
    return None


def write_boxes(
    path: pathlib.Path, shards: Sequence[Shard], boxes: BoxTable
) -> None:
    """Writes the boxes of a split; the file appears when it is complete.

    Args:
        path: From `boxes_path`.
        shards: The shards of the split that have clips.
        boxes: The boxes.
    """
    key = np.frombuffer(shards_key(shards), np.uint8)
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            key=key,
            annotated=boxes.annotated,
            counts=boxes.counts,
            rows=boxes.rows,
        )


def boxes_path(folder: pathlib.Path, split: str) -> pathlib.Path:
    """Returns the path of the boxes of a split."""
    return folder / f"{split}.boxes"
