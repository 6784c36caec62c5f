"""Reads Kinetics' lists: `label,youtube_id,time_start,time_end,split`."""

import os

from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_files,
    shortened,
    sorted_heads,
)
from tsm_keras.data.prepare.collections.csv_list import (
    list_split,
    read_table,
    seconds,
)
from tsm_keras.data.video.class_folders import find_videos, split_named

_COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")


def read_kinetics(options: SourceOptions) -> Collection:
    """Reads a list file, or all list files of a folder.

    A clip is the file `ID_000010_000020.mp4`, which holds only the clip, or a
    part of `ID.mp4`, the whole video. The file may be anywhere below the
    collection's folder. Rows without a label (test lists of some years) are
    left out.
    """
    lists = options.list_folder
    files = list_files(lists, "*.csv") if lists.is_dir() else [lists]
    videos = _videos_by_stem(options.root)
    clips = [
        _clip(videos, file, line, row)
        for file in files
        for line, row in read_table(file, _COLUMNS)
        if row.get("label")
    ]
    return Collection(options.root, sorted_heads(clips), tuple(clips))


def _videos_by_stem(root):
    return {
        path.stem: os.path.relpath(path, root) for path in find_videos(root)
    }


def _clip(videos, file, line, row):
    start, end = (
        seconds(file, line, name, row.get(name))
        for name in ("time_start", "time_end")
    )
    if start is None or end is None or end <= start:
        raise ValueError(
            f"{file}:{line}: `time_end` must be after `time_start`. "
            f"Received: {[shortened(cell) for cell in row.values()]}"
        )
    split = split_named(row.get("split", "")) or list_split(file)
    identity = row.get("youtube_id")
    if not identity:
        raise ValueError(
            f"{file}:{line}: a row must have a `youtube_id`. "
            f"Received: {[shortened(cell) for cell in row.values()]}"
        )
    trimmed = f"{identity}_{int(start):06d}_{int(end):06d}"
    if trimmed not in videos and identity in videos:
        return ClipSource(videos[identity], row["label"], split, start, end)
    # Videos that were never downloaded get this name too, and are rejected.
    path = videos.get(trimmed, f"{trimmed}.mp4")
    return ClipSource(path, row["label"], split)
