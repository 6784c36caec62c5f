"""Folders of class folders: `CLASS/FILE`, or `SPLIT/CLASS/FILE`."""

import pathlib

# fmt: off
VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov",
    ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv",
)
# fmt: on

# What list files and folders call a split.
_SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validate", "validation", "dev"),
    "test": ("test", "testing"),
}


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


def split_named(name: str) -> str | None:
    """Returns the split that a name as `validation` means, or None."""
    for split, names in _SPLIT_NAMES.items():
        if name.lower() in names:
            return split
    return None
