"""open_clips: opens a folder of clips with the reader for its format."""

import contextlib
import os
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_keras.data.augment.crops import Box
from tsm_keras.data.labels import Head, check_same_heads, only_head
from tsm_keras.data.readers.flow_reader import FlowReader, holds_flow
from tsm_keras.data.readers.folder import VideoFolder, scan_folder
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.readers.reader import ClipReader
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.prepared_dataset import (
    PreparedDataset,
    is_prepared,
    open_prepared,
)
from tsm_keras.data.video.class_folders import (
    left_out,
    split_folders,
    visible_folders,
)
from tsm_keras.progress import progress_bar

__all__ = [
    "ClipReader",
    "DataSource",
    "as_reader",
    "data_heads",
    "held_out_split",
    "open_clips",
    "read_frames",
    "split_names",
]

DataSource = ClipReader | VideoFolder | PreparedDataset | str | os.PathLike[str]


def as_reader(
    source: DataSource, split: str | None = None, *, cache: bool = False
) -> ClipReader:
    """Returns the reader of a source; a reader is returned unchanged.

    Args:
        source: A reader, a folder for `open_clips`, or the result of
            `open_prepared` or `scan_folder`.
        split: The split to read, as in `open_clips`.
        cache: Whether to keep clips in memory, as in `make_dataset`.
    """
    if isinstance(source, PreparedDataset):
        return PreparedReader(source, split, cache=cache)
    if isinstance(source, VideoFolder):
        return VideoReader(source, cache=cache)
    if isinstance(source, (str, os.PathLike)):
        return open_clips(source, split, cache=cache)
    return source


def read_frames(
    clips: ClipReader,
    number: int,
    indices: Sequence[int] | np.ndarray,
    short_side: int | None,
    box: Box | None = None,
) -> np.ndarray:
    """Reads frames of one clip without a tf.data pipeline.

    Args:
        clips: A reader from `open_clips`.
        number: The number of the clip.
        indices: The numbers of the N frames.
        short_side: The length that the short side is resized to, as in
            `ClipReader.decode`.
        box: The part to cut out, as in `ClipReader.decode`.

    Returns:
        `[N, H, W, C]` uint8.
    """
    wanted = {
        "number": tf.constant(number, tf.int64),
        "indices": tf.constant(indices, tf.int32),
    }
    (clip,) = clips.read_ahead(tf.data.Dataset.from_tensors(wanted))
    return clips.decode(clip, short_side, box).numpy()


def open_clips(
    path: str | os.PathLike[str],
    split: str | None = None,
    *,
    label_names: Sequence[str] | None = None,
    heads: Sequence[Head] | None = None,
    may_lack: bool = False,
    max_bad_fraction: float = 0.0,
    cache: bool = False,
    verbose: bool = False,
    flow_pairs: int = 5,
    flip_pairs: str | None = None,
) -> ClipReader:
    """Opens a prepared data set, or a folder of videos or optical flow.

    Args:
        path: A folder that `tsm prepare` wrote, or a folder with one folder
            per class, or a folder with one folder per split that contains
            class folders. Class folders contain videos, or folders of optical
            flow (see `FlowReader`).
        split: `"train"`, `"val"` or `"test"`. A prepared data set needs it; a
            folder without splits ignores it.
        label_names: The classes of a single head in the order of their
            numbers; None for the classes of the data. All must have clips,
            unless `may_lack` is set.
        heads: The same for several heads: their names and classes, as those
            of a model. Only one of the two may be given.
        may_lack: Whether some of `label_names` may have no clips, as when a
            model of many classes is evaluated on clips of a few of them.
        max_bad_fraction: The share of videos that may be unreadable, as in
            `scan_folder`.
        cache: Whether to keep clips in memory, as in `make_dataset`; optical
            flow ignores it.
        verbose: Whether to show the progress of the check of the videos, and
            to print which videos are left out and whether there are no splits.
        flow_pairs: The number of pairs of optical flow per frame; see
            `FlowReader`.
        flip_pairs: As in `scan_folder`, for folders of videos only.

    Raises:
        FileNotFoundError, VideoError, ValueError: For the same reasons as in
            `open_prepared`, `PreparedReader`, `FlowReader` and `scan_folder`.
    """
    path = local_folder(path)
    if label_names is not None:
        heads = (Head(tuple(label_names)),)
    if is_prepared(path):
        _expect_none(flip_pairs, path)
        dataset = open_prepared(path)
        return PreparedReader(
            dataset,
            split,
            heads=heads,
            may_lack=may_lack,
            cache=cache,
        )
    splits = _folders_of_splits(path)
    if split in splits:
        path = splits[split]
    elif split and splits:
        raise ValueError(
            f"`split` must be one of {list(splits)}, the folders of {path}. "
            f"Received: split={split!r}"
        )
    elif split and verbose:
        print(f"{path} has no splits: all of its clips are used")
    if heads is not None:
        check_same_heads(path, (Head(()),), heads)
        label_names = only_head(heads).label_names
    if holds_flow(path):
        _expect_none(flip_pairs, path)
        return FlowReader(
            path,
            pairs=flow_pairs,
            label_names=label_names,
            may_lack=may_lack,
        )
    with contextlib.ExitStack() as stack:
        title = f"checking the videos of {path}"
        progress = stack.enter_context(progress_bar(title)) if verbose else None
        videos = scan_folder(
            path,
            label_names=label_names,
            may_lack=may_lack,
            max_bad_fraction=max_bad_fraction,
            flip_pairs=flip_pairs,
            progress=progress,
        )
    if verbose and (rest := left_out(path)):
        print(f"left out: {rest}")
    if verbose and videos.rejected:
        total = len(videos.paths) + len(videos.rejected)
        print(f"left out {len(videos.rejected)} of {total} videos:")
        for file, reason in videos.rejected:
            print(f"  {file}: {reason}")
    return VideoReader(videos, cache=cache)


def _expect_none(flip_pairs, path):
    if flip_pairs is not None:
        raise ValueError(
            "`flip_pairs` must be left out, except for a folder of videos: a "
            "prepared data set has those of `tsm prepare --flip_pairs`, and "
            "optical flow those of its videos. "
            f"Received: flip_pairs={flip_pairs!r} for {path}"
        )


def split_names(path: str | os.PathLike[str]) -> list[str]:
    """Returns the splits of a data set that have clips; decodes nothing.

    Args:
        path: A data folder, as in `open_clips`. The folders `validation`,
            `valid` and `dev` mean `val`, `training` means `train`, and
            `testing` means `test`.

    Returns:
        Some of `"train"`, `"val"` and `"test"`; an empty list if the folder
        has no splits.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    path = local_folder(path)
    if not path.is_dir():
        raise FileNotFoundError(f"The data folder {path} does not exist.")
    if is_prepared(path):
        splits = open_prepared(path).splits
        return [name for name, split in splits.items() if split.clips]
    return [*_folders_of_splits(path)]


def held_out_split(path: str | os.PathLike[str]) -> str:
    """Returns `"val"` if a data set has it but no test split, else `"test"`.

    Args:
        path: A data folder, as in `open_clips`.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    names = split_names(path)
    return "val" if "val" in names and "test" not in names else "test"


def data_heads(
    path: str | os.PathLike[str], split: str | None = None
) -> tuple[Head, ...]:
    """Returns the heads that `open_clips` would find, without opening videos.

    Args:
        path: A data folder, as in `open_clips`.
        split: The split, as in `open_clips`.
    """
    path = local_folder(path)
    if is_prepared(path):
        return open_prepared(path).heads
    folder = _folders_of_splits(path).get(split or "", path)
    return (Head(tuple(entry.name for entry in visible_folders(folder))),)


def _folders_of_splits(path: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folder of each split; empty if there are no splits."""
    if not path.is_dir():
        return {}  # The reader reports that the folder does not exist.
    return {split: folder for split, folder in split_folders(path) if split}
