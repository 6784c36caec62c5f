"""Collection: the labelled clips of a source of videos."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from tsm_keras.data.labels import HasHeads, Head


@dataclasses.dataclass(frozen=True)
class ClipSource:
    """The place of a clip, its class and its split.

    Attributes:
        path: The video file, or the folder of frames, relative to the
            collection's root.
        label: The name of the class; with several heads a tuple, the name of
            the class of each head.
        split: `"train"`, `"val"`, `"test"`, or None if the source has no
            splits.
        start: The time at which the clip begins in the file, in seconds; None
            for 0.
        end: The time at which the clip ends, in seconds; None for the end of
            the file.
        frame_pattern: The printf pattern of the names of frames, if `path` is a
            folder of frames; else None.
        frame_rate: Frames per second, if `path` is a folder of frames; else
            None.
    """

    path: str
    label: str | tuple[str, ...]
    split: str | None = None
    start: float | None = None
    end: float | None = None
    frame_pattern: str | None = None
    frame_rate: float | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of the class of each head."""
        return (self.label,) if isinstance(self.label, str) else self.label

    def classes(self) -> tuple[tuple[int, str], ...]:
        """Returns each class of the clip as (place of its head, name)."""
        return tuple(enumerate(self.labels))

    def truth(self) -> Any:
        """Returns what must be equal if a source lists the clip twice."""
        return self.label


@dataclasses.dataclass(frozen=True)
class Collection(HasHeads):
    """Labelled clips below a folder.

    Attributes:
        root: The folder.
        heads: The heads, in the order of the labels of a clip.
        clips: The clips, in any order.
        left_out: The number and kinds of other files in the folder, in words;
            may be empty.
        has_boxes: Whether the clips are videos with boxes (`BoxedVideo`); the
            only head then has the classes of the boxes.
        broken_boxes: The list, the frame or None, and the reason for each box
            that belongs to no clip.
    """

    root: pathlib.Path
    heads: tuple[Head, ...]
    clips: tuple[ClipSource, ...]
    left_out: str = ""
    has_boxes: bool = False
    broken_boxes: tuple[tuple[str, int | None, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """The options for reading a source; each format uses some of them.

    Attributes:
        root: The folder of the videos, or of the folders of frames.
        lists: The list file, or the folder of list files; None for `root`.
        fold: The number of the official split of train and test, from 1.
        frame_pattern: The printf pattern of the names of extracted frames; None
            for the default of the format.
        frame_rate: The frames per second of extracted frames; None for the
            default of the format.
    """

    root: pathlib.Path
    lists: pathlib.Path | None = None
    fold: int = 1
    frame_pattern: str | None = None
    frame_rate: float | None = None

    @property
    def list_folder(self) -> pathlib.Path:
        """The folder of the list files, or the only list file."""
        return self.lists or self.root

    def frames(self, pattern: str, rate: float) -> dict[str, Any]:
        """Returns the fields of `ClipSource` for folders of frames.

        Args:
            pattern: The default pattern of the format.
            rate: The default frame rate of the format.
        """
        if self.frame_rate is not None:
            rate = self.frame_rate
        return {
            "frame_pattern": self.frame_pattern or pattern,
            "frame_rate": rate,
        }


def sorted_heads(
    clips: Sequence[ClipSource], names: Sequence[str] = ("",)
) -> tuple[Head, ...]:
    """Returns heads with the sorted class names of clips.

    This is for sources that give no order. If all class names of a head are
    numbers, they are sorted by value.

    Args:
        clips: The clips of the collection.
        names: The name of each head.
    """
    heads = []
    for place, name in enumerate(names):
        found = {clip.labels[place] for clip in clips}
        numbers = all(label.isdecimal() for label in found)
        labels = sorted(found, key=int if numbers else None)
        heads.append(Head(tuple(labels), name))
    return tuple(heads)


def list_files(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    """Returns the list files of a folder, sorted.

    Raises:
        FileNotFoundError: If no file matches.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(
            f"{folder} has no list file {pattern}: give the folder of the "
            "list files with --lists."
        )
    return found


def list_file(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    """Returns the only list file of a folder that matches a pattern.

    Raises:
        FileNotFoundError: If no file matches.
        ValueError: If several files match.
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
    """Names the list file in errors that its content causes in the block."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} does not follow its format: it must be text in UTF-8. "
            f"Received: {error.reason} at byte {error.start}"
        ) from error
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} does not follow its format. "
            f"Received: {shortened(repr(error))}"
        ) from error


def all_lines(path: pathlib.Path) -> list[str]:
    """Returns the lines of a list file.

    Raises:
        ValueError: If the file is not UTF-8 text, or a line holds the
            character 0, which no path can contain.
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
    """Returns the lines of a list file without blanks and empty lines."""
    return [line.strip() for line in all_lines(path) if line.strip()]


def shortened(text: str) -> str:
    """Returns a text, cut off after 80 characters for a message."""
    return text if len(text) <= 80 else text[:77] + "..."
