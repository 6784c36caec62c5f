"""Videos in one folder a class: `CLASS/FILE`, or `SPLIT/CLASS/FILE`."""

import os
import pathlib

from tsm_keras.data.sources.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    sorted_labels,
    split_named,
)

# fmt: off
VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov",
    ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv",
)
# fmt: on


def read_class_folders(options: SourceOptions) -> Collection:
    """Reads class folders, of each split where the folders' names say so."""
    clips = [
        ClipSource(os.path.relpath(path, options.root), label, split)
        for split, folder in split_folders(options.root)
        for label, paths in class_videos(folder).items()
        for path in paths
    ]
    if not clips:
        raise ValueError(
            f"{options.root} holds no videos: put them into one folder a class "
            f"({options.root}/<class>/<file>, {' '.join(VIDEO_SUFFIXES)}), or "
            "say with --source_format what it holds."
        )
    return Collection(options.root, sorted_labels(clips), tuple(clips))


def class_videos(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Returns the videos of each class folder, all sorted."""
    return {
        entry.name: sorted(
            path
            for path in entry.rglob("*")
            if path.suffix.lower() in VIDEO_SUFFIXES
            and not path.name.startswith(".")
            and not path.is_dir()
        )
        for entry in visible_folders(folder)
    }


def split_folders(
    root: pathlib.Path,
) -> list[tuple[str | None, pathlib.Path]]:
    """Returns (split, folder of class folders); (None, `root`) if not split.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If two folders mean one split, or some none.
    """
    splits = [
        (split_named(folder.name), folder) for folder in visible_folders(root)
    ]
    named = [split for split, _ in splits if split]
    if not named or (len(named) == 1 and len(splits) > 1):
        return [(None, root)]  # One class of several may be called `test`.
    if len(named) < len(splits) or len(set(named)) < len(named):
        raise ValueError(
            f"{root} must hold splits, each once, or classes. "
            f"Received: {[folder.name for _, folder in splits]}"
        )
    return splits


def visible_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders in a folder, sorted, without the hidden ones."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
