"""PreparedDataset: the folder that `tsm prepare` writes, and its description.

    labels.txt                      class names, one per line, in label order
    labels_verb.txt, ...            the same for each of several heads
    dataset.json                    the fields of `PreparedDataset`
    train-00000-of-00012.tfrecord   shards of clips (see clip_record.py)
    train.index                     names, frames and places (split_index.py)
    rejected.csv                    clips in no shard: path and reason
    train.boxes                     boxes, for a detector (split_boxes.py)
    broken_boxes.csv                boxes in no shard: path, frame and reason

`dataset.json` is written last: a folder without it is not finished.
"""

import dataclasses
import functools
import json
import os
import pathlib
from typing import Any

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.labels import (
    HasHeads,
    Head,
    check_heads,
    heads_as_json,
    heads_from_json,
    mirrored_labels,
    only_head,
    pairs_of,
)
from tsm_keras.data.storage.box_table import BoxCounts
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.many_files import for_many_files

DATASET_FILE = "dataset.json"
REJECTED_FILE = "rejected.csv"
BROKEN_FILE = "broken_boxes.csv"
SPLITS = ("train", "val", "test")
# Of dataset.json. With several heads, `heads` replaces `label_names`. With
# boxes there are `task` and `boxes`.
_ONE_HEAD, _SEVERAL_HEADS, _BOXES = 1, 2, 3
DETECTION = "detection"  # The task of a data set with boxes.


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file of clips.

    Attributes:
        file: Name of the file in the folder.
        clips: The number of clips, one record each.
        frames: The number of frames of all its clips.
        bytes: Size of the file in bytes.
        sha256: SHA-256 of the file's content, in hexadecimal digits.
    """

    file: str
    clips: int
    frames: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Split:
    """The clips of one split.

    Attributes:
        shards: The shards; one has no clips if all of them were rejected.
        clips_per_label: The number of clips of each class, in label order;
            with several heads, those of the first head come first. With boxes,
            it is the number of clips that have a box of the class.
        statistics: The `min`, `median` and `max` over clips of `frames`,
            `duration` (in seconds) and `frame_rate`.
    """

    shards: tuple[Shard, ...]
    clips_per_label: tuple[int, ...]
    statistics: dict[str, dict[str, float]]

    @property
    def clips(self) -> int:
        """The number of clips of the split."""
        return sum(shard.clips for shard in self.shards)

    @property
    def frames(self) -> int:
        """The number of frames of all clips of the split."""
        return sum(shard.frames for shard in self.shards)


@dataclasses.dataclass(frozen=True)
class PreparedDataset(HasHeads):
    """The description of a prepared data set; see `open_prepared`.

    Attributes:
        folder: Folder of the data set.
        name: Name of the data set.
        heads: The heads, in the order of the labels of a clip. If clips have
            boxes, one head has the classes of the boxes.
        splits: The splits by name, which is one of `SPLITS`.
        flip_pairs: Pairs of classes that change into each other when a clip is
            mirrored, while all others keep their class; None if clips of this
            data set must not be mirrored.
        images: How frames are stored.
        rejected: The number of clips in `rejected.csv`.
        content_hash: SHA-256 over labels and shards, in hexadecimal digits.
        tool_version: Version of tsm-keras that wrote the data set.
        boxes: The numbers of boxes, for a detector; None if clips have
            classes.
    """

    folder: pathlib.Path
    name: str
    heads: tuple[Head, ...]
    splits: dict[str, Split]
    flip_pairs: tuple[tuple[str, str], ...] | None
    images: ImageSettings
    rejected: int
    content_hash: str
    tool_version: str
    boxes: BoxCounts | None = None

    @property
    def labelled_heads(self) -> tuple[str, ...]:
        """The names of the heads that each clip has a label of."""
        return () if self.boxes else tuple(head.name for head in self.heads)

    def split(self, name: str) -> Split:
        """Returns the split with this name.

        Raises:
            ValueError: If the data set has no such split.
        """
        if name not in self.splits:
            raise ValueError(
                f"`split` must be one of {list(self.splits)}, the splits of "
                f"{self.folder}. Received: split={name!r}"
            )
        return self.splits[name]

    def shard_paths(self, split: str) -> list[str]:
        """Returns the paths of those shards of a split that have clips."""
        return [
            str(self.folder / shard.file)
            for shard in self.split(split).shards
            if shard.clips
        ]

    def frame_interval(self, num_segments: int) -> float:
        """Returns the median seconds between T frames spread over a clip.

        The median is that of the training split, or of the first split if
        there is no training split.
        """
        split = self.splits.get("train") or next(iter(self.splits.values()))
        duration = split.statistics["duration"]["median"]
        return round(duration / num_segments, 4)

    def mirrored_labels(
        self, head: Head | None = None
    ) -> tuple[int, ...] | None:
        """Returns the number of the mirrored class of each class.

        It is None if clips must not be mirrored.

        Args:
            head: The head whose classes are meant; None for the only one.
        """
        if self.flip_pairs is None:
            return None
        head = head or only_head(self.heads)
        pairs = pairs_of(head, self.heads, self.flip_pairs)
        return mirrored_labels(head.label_names, pairs)


def is_prepared(folder: str | os.PathLike) -> bool:
    """Returns whether a folder is a finished prepared data set."""
    return (pathlib.Path(folder) / DATASET_FILE).is_file()


def open_prepared(folder: str | os.PathLike) -> PreparedDataset:
    """Reads the description of a prepared data set.

    A command does this once, however often it opens the data set.

    Args:
        folder: Folder that `tsm prepare` wrote.

    Raises:
        FileNotFoundError: If the folder is not a finished prepared data set,
            or a shard is missing.
        ValueError: If `folder` is an address, the description is damaged or of
            another format version, or the size of a shard has changed.
    """
    folder = local_folder(folder)
    path = folder / DATASET_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a prepared data set: it has no {DATASET_FILE}. "
            "`tsm prepare` writes one, and finishes it when it is run again."
        )
    status = path.stat()
    return _open_once(path, status.st_ino, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=8)
def _open_once(path, *_):
    """Opens a data set; the other arguments change with its description."""
    folder = path.parent
    try:
        fields = json.loads(path.read_text("utf-8"))
        version = fields.pop("format_version")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error
    task = fields.pop("task", None)
    expected = _SEVERAL_HEADS if "heads" in fields else _ONE_HEAD
    if task == DETECTION:
        expected = _BOXES
    if version != expected:
        raise ValueError(
            f"{path} must have the format version {expected}; another version "
            f"of tsm-keras wrote it. Received: format_version={version!r}"
        )
    try:
        dataset = _from_fields(folder, fields)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error
    shards = [x for split in dataset.splits.values() for x in split.shards]
    for_many_files(functools.partial(_check_shard, folder), shards)
    return dataset


def write_description(dataset: PreparedDataset) -> None:
    """Writes the class names of each head and then `dataset.json`.

    Each file appears under its name only when it is complete.
    """
    several = len(dataset.heads) > 1
    others = dataclasses.asdict(dataset)
    del others["folder"], others["heads"]
    version, task = _SEVERAL_HEADS if several else _ONE_HEAD, {}
    if dataset.boxes is None:
        del others["boxes"]
    else:
        version, task = _BOXES, {"task": DETECTION}
    fields: dict[str, Any] = {
        "format_version": version,
        **task,
        "name": dataset.name,
        **heads_as_json(dataset.heads),
        **others,
    }
    files = {
        f"labels_{head.name}.txt" if several else "labels.txt": "".join(
            f"{name}\n" for name in head.label_names
        )
        for head in dataset.heads
    }
    files[DATASET_FILE] = (
        json.dumps(fields, indent=1, ensure_ascii=False) + "\n"
    )
    for file, text in files.items():
        with atomic_file(dataset.folder / file) as temporary:
            temporary.write_text(text, "utf-8")


def _from_fields(folder, fields):
    pairs, heads = fields["flip_pairs"], heads_from_json(fields)
    boxes = fields.get("boxes")
    dataset = PreparedDataset(
        **fields
        | {
            "folder": folder,
            "heads": heads,
            "splits": {
                name: Split(
                    shards=tuple(Shard(**shard) for shard in split["shards"]),
                    clips_per_label=tuple(split["clips_per_label"]),
                    statistics=split["statistics"],
                )
                for name, split in fields["splits"].items()
            },
            "flip_pairs": None if pairs is None else tuple(map(tuple, pairs)),
            "images": ImageSettings(**fields["images"]),
            "boxes": None if boxes is None else BoxCounts(**boxes),
        }
    )
    check_heads(dataset.heads, dataset.flip_pairs)
    _check_splits(dataset)
    return dataset


def _check_splits(dataset):
    for name, split in dataset.splits.items():
        files = [shard.file for shard in split.shards]
        if any(pathlib.PurePath(file).name != file for file in files):
            raise ValueError(f"a shard must lie in the folder itself: {files}")
        labels = sum(len(head.label_names) for head in dataset.heads)
        if name not in SPLITS or len(split.clips_per_label) != labels:
            raise ValueError(f"the split {name!r} is described wrongly")


def _check_shard(folder, shard):
    path = os.path.join(folder, shard.file)
    size = os.stat(path).st_size  # The error names a path that is missing.
    if size != shard.bytes:
        raise ValueError(
            f"{path} must be {shard.bytes} bytes long, as it was written. "
            f"Received: {size} bytes"
        )
