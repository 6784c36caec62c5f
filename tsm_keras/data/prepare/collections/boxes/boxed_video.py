"""BoxedVideo: a video of a collection, with the boxes of its frames."""

import dataclasses
import functools
import hashlib
import math
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.video.class_folders import split_named

# A box as a source has it: the number of its frame, from 0; `(x0, y0, x1, y1)`
# in pixels of the frame; its class; its object, -1 if unknown; and whether it
# must be ignored.
SOURCE_BOX = np.dtype(
    [
        ("frame", "<i8"),
        ("box", "<f8", (4,)),
        ("label", "<i4"),
        ("track", "<i4"),
        ("ignored", "?"),
    ]
)
_MOST = 1 << 31  # The numbers of frames and objects are below this.
NO_FRAME = "the video has no such frame"  # A reason for a broken box.


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SourceBoxes:
    """The boxes of a video in a source.

    Attributes:
        rows: `[N]` with a row of `SOURCE_BOX` per box.
        label_names: The names of the classes.
        annotated: The numbers of the frames whose objects are known; None for
            all frames.
        size: Width and height of the frames that the boxes were drawn in; None
            for those of the video.
        broken: The number of the frame, or None, and the reason for each box
            that cannot be read.
    """

    rows: np.ndarray
    label_names: tuple[str, ...]
    annotated: frozenset[int] | None = None
    size: tuple[int, int] | None = None
    broken: tuple[tuple[int | None, str], ...] = ()

    def __repr__(self) -> str:
        """Returns a text that is equal for equal boxes only."""
        digest = hashlib.sha256(self.rows.tobytes())
        frames = self.annotated and sorted(self.annotated)
        rest = (self.label_names, frames, self.size, self.broken)
        digest.update(repr(rest).encode())
        return f"SourceBoxes({digest.hexdigest()})"

    @functools.cached_property
    def found(self) -> tuple[str, ...]:
        """The names of the classes that have a box in this video."""
        return tuple(
            self.label_names[label] for label in np.unique(self.rows["label"])
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoxedVideo(ClipSource):
    """A video with boxes, which has no class of its own.

    Attributes:
        boxes: The boxes.
        files: The names of the frames in the folder `path`, in order; None for
            a video, or for frames that `frame_pattern` names.
    """

    label: str = ""
    boxes: SourceBoxes
    files: tuple[str, ...] | None = None

    def classes(self) -> tuple[tuple[int, str], ...]:
        """See `ClipSource`: the classes that have a box in this video."""
        return tuple((0, name) for name in self.boxes.found)

    def truth(self) -> str:
        """See `ClipSource`."""
        return repr(self.boxes)


class BoxList:
    """Collects the boxes of one video, and counts those that are broken.

    Args:
        numbers: The number of each class by the name that the source uses.
    """

    def __init__(self, numbers: dict[object, int]):
        self._numbers = numbers
        self._rows: list[tuple[int, tuple[float, ...], int, int, bool]] = []
        self.broken: list[tuple[int | None, str]] = []

    def add(
        self,
        frame: int,
        box: Sequence[object],
        category: object,
        track: object = -1,
        *,
        ignored: bool = False,
    ) -> None:
        """Adds a box, or its number and the reason to `broken`.

        Args:
            frame: The number of the frame, from 0.
            box: `x0, y0, x1, y1` in pixels; anything else is a broken box.
            category: The class, as the source names it.
            track: The number of the object.
            ignored: Whether a detector need not find it.
        """
        sides = [number(value) for value in box]
        if not 0 <= frame < _MOST:
            self.broken.append((frame, NO_FRAME))
        elif category not in self._numbers:
            self.broken.append((frame, f"unknown category {category!r}"))
        elif len(sides) != 4 or not all(map(math.isfinite, sides)):
            self.broken.append((frame, "the box is not four numbers"))
        else:
            known = number(track)
            if not (known.is_integer() and 0 <= known < _MOST):
                known = -1
            label = self._numbers[category]
            row = (frame, tuple(sides), label, int(known), ignored)
            self._rows.append(row)

    def finish(
        self,
        label_names: Sequence[str],
        annotated: Iterable[int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> SourceBoxes:
        """Returns the boxes; the arguments are as in `SourceBoxes`."""
        return SourceBoxes(
            np.array(self._rows, SOURCE_BOX),
            tuple(label_names),
            None if annotated is None else frozenset(annotated),
            size,
            tuple(self.broken),
        )


def number(value: object) -> float:
    """Returns a value of a source as a number, NaN if it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def split_of_path(path: pathlib.PurePath) -> str | None:
    """Returns the split that a folder on a path names, such as `train`."""
    return next(filter(None, map(split_named, path.parts)), None)


def box_head(label_names: Sequence[str]) -> tuple[Head, ...]:
    """Returns the head whose classes are those of the boxes."""
    return (Head(tuple(label_names)),)
