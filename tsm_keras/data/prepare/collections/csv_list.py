"""Reads CSV and TSV lists: `path,label[,start,end[,split]]`.

Instead of `label`, a list may have one column per head, such as `verb,noun`.
"""

import collections
import csv
import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator, Sequence

from tsm_keras.data.labels import head_name
from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    all_lines,
    list_files,
    shortened,
    sorted_heads,
)
from tsm_keras.data.storage.many_files import for_many_files
from tsm_keras.data.video.class_folders import split_named

_COLUMNS = ("path", "label", "start", "end", "split")
# Longer than any video: a larger number is a mistake in the list.
_MAX_SECONDS = 1_000_000_000


def read_csv_list(options: SourceOptions) -> Collection:
    """Reads a list file, or all list files of a folder.

    The first row may name the columns, which may then be in any order. If it
    names `path` but not `label`, every column that is not in `_COLUMNS` is a
    head. The split of a clip comes from its row, or else from the name of the
    list (`train.csv`). Start and end are in seconds. Paths are relative to the
    root of the collection; a path that is a folder is a clip of frames.
    """
    lists = options.list_folder
    files = list_files(lists, "*.[ct]sv") if lists.is_dir() else [lists]
    clips, first_rows = [], []
    heads: list[str] = []
    for file in files:
        columns: dict[str, str] = {}
        for line, row in read_table(file, _COLUMNS, named=1):
            columns = columns or _head_columns(file, row)
            heads = heads or [*columns]
            if {*columns} != {*heads}:
                raise ValueError(
                    f"{file}:1: all lists must have the same heads, {heads}. "
                    f"Received: {[*columns]}"
                )
            of_heads = [columns[head] for head in heads]
            clips.append(_clip(file, line, row, of_heads))
            if line == 1:
                first_rows.append((file, clips[-1]))
    if not clips:
        raise ValueError(f"{lists} lists no clips.")
    _check_headers(options.root, first_rows, clips)
    clips = _with_frames(options, clips)
    return Collection(options.root, sorted_heads(clips, heads), tuple(clips))


def _head_columns(file, row):
    """Returns the column of each head of a list, by the name of the head.

    Args:
        file: The list.
        row: The cells of any row by the name of their column.
    """
    others = [name for name in row if name and name not in _COLUMNS]
    if "label" in row or len(others) < 2:
        return {"": "label" if "label" in row or not others else others[0]}
    columns: dict[str, str] = {}
    for column in others:
        try:
            name = head_name(column)
        except ValueError as error:
            raise ValueError(f"{file}:1: {error}") from error
        if name in columns:
            raise ValueError(
                f"{file}:1: each head must have one column. Received: "
                f"{[columns[name], column]}, which are both the head {name!r}"
            )
        columns[name] = column
    return columns


def read_table(
    path: pathlib.Path, columns: tuple[str, ...], *, named: int = 2
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields the line number and the cells of each row of a CSV or TSV file.

    The separator is a tab, `;` or `,`: the first of these that the first line
    contains. If the first line names at least the first `named` of `columns`,
    it is a header and gives the order of the columns; rows that are too short
    then have empty cells.

    Raises:
        ValueError: If a row is not one of a CSV file, or the header names a
            column twice.
    """
    lines = all_lines(path)
    first = lines[0] if lines else ""
    separator = next((mark for mark in "\t;" if mark in first), ",")
    names: Sequence[str] = columns
    empty: dict[str, str] = {}
    for line, row in _rows(path, csv.reader(lines, delimiter=separator)):
        cells = [cell.strip() for cell in row]
        header = [cell.lower() for cell in cells]
        if line == 1 and set(columns[:named]) <= set(header):
            twice = [x for x in header if x and header.count(x) > 1]
            if twice:
                raise ValueError(
                    f"{path}:1: the first row must name each column once. "
                    f"Received: {shortened(str(twice))}"
                )
            names, empty = header, dict.fromkeys(header, "")
        elif any(cells):
            yield line, empty | dict(zip(names, cells, strict=False))


def _rows(path, reader):
    """Yields each row with the number of its first line."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"{path}:{line}: a row must be one of a CSV file, with every "
                f"quotation mark closed. Received: {error}"
            ) from error
        yield line, row


def seconds(
    path: pathlib.Path, line: int, name: str, text: str | None
) -> float | None:
    """Returns a cell as seconds, or None if it is empty.

    Raises:
        ValueError: If the cell is not a valid time. The message names the file
            and the line.
    """
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < _MAX_SECONDS:
        raise ValueError(
            f"{path}:{line}: `{name}` must be seconds, below {_MAX_SECONDS}. "
            f"Received: {shortened(text)!r}"
        )
    return value


def list_split(path: pathlib.Path) -> str | None:
    """Returns the split that is part of a list file's name, or None."""
    words = re.split(r"[^a-zA-Z]+", path.stem)
    return next(filter(None, map(split_named, words)), None)


def _check_headers(root, first_rows, clips):
    """Raises an error if a first row seems to name unknown columns."""
    others = collections.Counter(clip.label for clip in clips)
    others.subtract(clip.label for _, clip in first_rows)
    for file, clip in first_rows:
        is_file = pathlib.PurePath(clip.path).suffix
        there = os.path.exists(root / clip.path)
        if not (is_file or others[clip.label] or there):
            raise ValueError(
                f"{file}:1: the first row must name `path` and `label`, or be "
                "a clip. Received: "
                f"{[shortened(clip.path), shortened(clip.labels[0])]}"
            )


def _clip(file, line, row, columns):
    if not row.get("path") or not all(map(row.get, columns)):
        expected = "begin with a path and a label"
        if len(columns) > 1:
            expected = f"have a path and a label for each of {columns}"
        raise ValueError(
            f"{file}:{line}: a row must {expected}, "
            "separated by a comma, a semicolon or a tab, not by blanks. "
            f"Received: {[shortened(cell) for cell in row.values()]}"
        )
    split = split_named(row["split"]) if row.get("split") else list_split(file)
    if split is None and row.get("split"):
        raise ValueError(
            f"{file}:{line}: `split` must be train, val or test. "
            f"Received: {shortened(row['split'])!r}"
        )
    start, end = (
        seconds(file, line, name, row.get(name)) for name in ("start", "end")
    )
    if end is not None and end <= (start or 0.0):
        raise ValueError(
            f"{file}:{line}: `end` must be after `start`. "
            f"Received: start={start}, end={end}"
        )
    label = [row[column] for column in columns]
    return ClipSource(
        row["path"],
        label[0] if len(label) == 1 else tuple(label),
        split,
        start,
        end,
    )


def _with_frames(options, clips):
    """Returns the clips; those that are folders are clips of frames."""
    # Path.is_dir would raise an error for a name that is too long.
    are_folders = for_many_files(
        lambda clip: os.path.isdir(os.path.join(options.root, clip.path)), clips
    )
    frames = options.frames("img_%05d.jpg", 30.0)
    return [
        dataclasses.replace(clip, **frames) if is_folder else clip
        for clip, is_folder in zip(clips, are_folders, strict=True)
    ]
