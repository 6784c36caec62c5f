"""Reads lists of mmaction2 and TSN: `path label` or `path frames label`."""

import dataclasses
import os
import pathlib
import re

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_files,
    read_lines,
    shortened,
    sorted_heads,
)
from tsm_keras.data.prepare.collections.csv_list import list_split
from tsm_keras.data.storage.many_files import for_many_files

# Names of files with one class name per line, in the order of the numbers.
_NAMES = ("*label_map*.txt", "labels.txt", "category.txt")


def read_numbered_list(options: SourceOptions) -> Collection:
    """Reads a list file, or all `.txt` lists of a folder.

    Lines are `path label` for videos and `path frames label` for folders of
    frames, with the number of the class, from 0. The number of frames is not
    read, because the frames are counted. A file such as `label_map.txt` beside
    the lists names the classes; without it their names are their numbers. The
    split is part of the name of a list. Of lists with a number behind `split`,
    such as `ucf101_train_split_1_videos.txt`, those of `options.fold` are read.
    """
    lists = options.list_folder
    folder = lists if lists.is_dir() else lists.parent
    names = [file for pattern in _NAMES for file in folder.glob(pattern)]
    if len(names) > 1:
        raise ValueError(
            f"{folder} must have one list of class names. "
            f"Received: {sorted(file.name for file in names)}"
        )
    labels = read_lines(names[0]) if names else []
    files = list_files(lists, "*.txt") if lists.is_dir() else [lists]
    clips = [
        _clip(file, number, line, labels)
        for file in files
        if file not in names
        and (not lists.is_dir() or _is_of_fold(file, options.fold))
        for number, line in enumerate(read_lines(file), 1)
    ]
    if not clips:
        raise ValueError(f"{lists} lists no clips.")
    clips = _with_frames(options, clips)
    heads = (Head(tuple(labels)),) if labels else sorted_heads(clips)
    return Collection(options.root, heads, tuple(clips))


def _is_of_fold(file: pathlib.Path, fold: int) -> bool:
    number = re.search(r"split_?(\d+)", file.stem)
    return number is None or int(number[1]) == fold


def _clip(file, number, line, labels):
    path, _, label = line.rpartition(" ")
    path = path.rstrip()
    if not path or not label.isdecimal():
        raise ValueError(
            f"{file}: line {number} must be `path label` or `path frames "
            "label`, with the number of the class, separated by blanks. "
            f"Received: {shortened(line)!r}"
        )
    if labels and int(label) >= len(labels):
        raise ValueError(
            f"{file}: the label of line {number} must be below {len(labels)}, "
            f"the number of class names. Received: {label}"
        )
    name = labels[int(label)] if labels else str(int(label))
    return ClipSource(path, name, list_split(file))


def _with_frames(options, clips):
    """Returns the clips; of a folder of frames, the number is taken off."""
    numbered = [clip.path for clip in clips if _without_number(clip.path)]
    there = for_many_files(
        lambda path: os.path.exists(os.path.join(options.root, path)), numbered
    )
    # A path may end in a number, too.
    of_frames = {
        path: _without_number(path)
        for path, exists in zip(numbered, there, strict=True)
        if not exists
    }
    frames = options.frames("img_%05d.jpg", 30.0)
    return [
        dataclasses.replace(clip, path=of_frames[clip.path], **frames)
        if clip.path in of_frames
        else clip
        for clip in clips
    ]


def _without_number(path):
    """Returns what comes before a number at the end; empty without one."""
    first, _, number = path.rpartition(" ")
    return first.rstrip() if number.isdecimal() else ""
