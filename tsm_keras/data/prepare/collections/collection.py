"""Collection: the labelled clips that a source of videos has."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class ClipSource:
    """Where a clip is, and what it shows.

    Attributes:
        path: File or folder of frames, relative to the collection's root.
        label: Class name.
        split: `"train"`, `"val"`, `"test"`, or None if the source has none.
        start: Where the clip begins in the file, in seconds; None for 0.
        end: Where it ends; None for the file's end.
        frame_pattern: For a folder of frames: a printf pattern of their names.
        frame_rate: For a folder of frames: frames a second.
    """

    path: str
    label: str
    split: str | None = None
    start: float | None = None
    end: float | None = None
    frame_pattern: str | None = None
    frame_rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Collection:
    """Labelled clips below a folder.

    Attributes:
        root: The folder.
        label_names: Class names in the order of their numbers.
        clips: In any order.
        left_out: What the folder holds besides, in words; may be empty.
    """

    root: pathlib.Path
    label_names: tuple[str, ...]
    clips: tuple[ClipSource, ...]
    left_out: str = ""


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """How to read a source; a format looks only at what concerns it.

    Attributes:
        root: Folder of the videos or of the folders of frames.
        lists: List file, or folder of list files; None for `root`.
        fold: Which of the official splits, from 1.
        frame_pattern: Of extracted frames; None for the format's own.
        frame_rate: Of extracted frames; None for the format's own.
    """

    root: pathlib.Path
    lists: pathlib.Path | None = None
    fold: int = 1
    frame_pattern: str | None = None
    frame_rate: float | None = None

    @property
    def list_folder(self) -> pathlib.Path:
        """Where the list files are."""
        return self.lists or self.root

    def frames(self, pattern: str, rate: float) -> dict[str, Any]:
        """Returns `ClipSource`'s fields for frames, with a format's own."""
        if self.frame_rate is not None:
            rate = self.frame_rate
        return {
            "frame_pattern": self.frame_pattern or pattern,
            "frame_rate": rate,
        }


def sorted_labels(clips: Sequence[ClipSource]) -> tuple[str, ...]:
    """Class names of clips, sorted, where a source gives no order.

    Names that are all numbers are sorted as such.
    """
    names = {clip.label for clip in clips}
    numbers = all(name.isdecimal() for name in names)
    return tuple(sorted(names, key=int if numbers else None))


def list_files(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    """Returns the list files of a folder, sorted.

    Raises:
        FileNotFoundError: If there are none.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(
            f"{folder} has no list file {pattern}: name the folder that has "
            "with --lists."
        )
    return found


def list_file(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    """Returns the one list file of a folder that matches.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If there are several.
    """
    found = list_files(folder, pattern)
    if len(found) > 1:
        raise ValueError(
            f"{folder} must have one list file {pattern}. "
            f"Received: {[path.name for path in found]}"
        )
    return found[0]


@contextlib.contextmanager
def reading(path: pathlib.Path) -> Iterator[None]:
    """Names the list file if what is done with its content fails."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not of its format: it must be text in UTF-8. "
            f"Received: {error.reason} at byte {error.start}"
        ) from error
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not of its format. Received: {shortened(repr(error))}"
        ) from error


def all_lines(path: pathlib.Path) -> list[str]:
    """Returns the lines of a list file.

    Raises:
        ValueError: If it is no text, or holds what no path can.
    """
    with reading(path):
        lines = path.read_text("utf-8-sig").splitlines()
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise ValueError(
                f"{path}:{number}: a line must not hold the character 0. "
                f"Received: {shortened(line)!r}"
            )
    return lines


def read_lines(path: pathlib.Path) -> list[str]:
    """Returns the lines of a list file that hold something, stripped."""
    return [line.strip() for line in all_lines(path) if line.strip()]


def shortened(text: str) -> str:
    """Returns the beginning of a text, for a message."""
    return text if len(text) <= 80 else text[:77] + "..."
