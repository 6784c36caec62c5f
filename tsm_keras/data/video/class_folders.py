"""Folders of class folders: `CLASS/FILE`, or `SPLIT/CLASS/FILE`."""

import collections
import os
import pathlib

# fmt: off
VIDEO_SUFFIXES = (
    ".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".gif", ".m2ts", ".m4v",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob",
    ".webm", ".wmv",
)
# fmt: on

# The names of the splits in list files and folders.
_SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validate", "validation", "dev"),
    "test": ("test", "testing"),
}


def class_videos(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Returns the videos of each class folder, sorted by class and path.

    Folders inside a class folder are searched too, even if they are links.

    Raises:
        ValueError: If the name of a class begins or ends with a blank.
    """
    return {entry.name: find_videos(entry) for entry in class_folders(folder)}


def find_videos(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the videos anywhere below a folder, sorted."""
    return sorted(path for path, kind in _entries(folder) if kind == "videos")


def left_out(folder: pathlib.Path) -> str:
    """Counts the files and folders that `class_videos` leaves out.

    Returns:
        Text such as `2 .txt files, 1 hidden folders`; empty if nothing is left
        out.
    """
    counts = collections.Counter(
        kind
        for entry in visible_folders(folder)
        for _, kind in _entries(entry)
        if kind != "videos"
    )
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())


def _entries(folder):
    """Yields all paths below a folder, with their kind; follows links once."""
    seen = {os.path.realpath(folder)}
    for parent, folders, names in os.walk(folder, followlinks=True):
        kept = []
        for name in sorted(folders):
            path = pathlib.Path(parent, name)
            if name.startswith("."):
                yield path, "hidden folders"
            elif os.path.realpath(path) in seen:
                yield path, "linked folders that are read already"
            else:
                seen.add(os.path.realpath(path))
                kept.append(name)
        folders[:] = kept
        for name in names:
            path = pathlib.Path(parent, name)
            if name.startswith("."):
                yield path, "hidden files"
            elif path.suffix.lower() in VIDEO_SUFFIXES:
                yield path, "videos"
            else:
                yield path, f"{path.suffix.lower() or 'other'} files"


def class_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders of the classes, sorted.

    Raises:
        ValueError: If a name begins or ends with a blank, which is easily
            overlooked.
    """
    found = visible_folders(folder)
    for entry in found:
        if entry.name != entry.name.strip():
            raise ValueError(
                "The name of a class must not begin or end with a blank: "
                f"rename the folder. Received: {str(entry)!r}"
            )
    return found


def split_folders(
    root: pathlib.Path,
) -> list[tuple[str | None, pathlib.Path]]:
    """Finds the folders of the splits in a data folder.

    Returns:
        One pair (split, folder of class folders) per split, or only
        `(None, root)` if `root` has no splits and contains the classes itself.

    Raises:
        FileNotFoundError: If `root` does not exist.
        ValueError: If two folders are the same split, or some folders are
            splits and some are not.
    """
    splits = [
        (split_named(folder.name), folder) for folder in visible_folders(root)
    ]
    named = [split for split, _ in splits if split]
    if not named or (len(named) == 1 and len(splits) > 1):
        return [(None, root)]  # The only match may be a class called `test`.
    if len(named) < len(splits) or len(set(named)) < len(named):
        raise ValueError(
            f"{root} must hold either one folder per split or only classes. "
            f"Received: {[folder.name for _, folder in splits]}"
        )
    return splits


def visible_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders in a folder that are not hidden, sorted."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )


def split_named(name: str) -> str | None:
    """Returns the split that a name such as `validation` means, or None."""
    for split, names in _SPLIT_NAMES.items():
        if name.lower() in names:
            return split
    return None
