"""BoxTable, BoxCounts: the boxes of clips, and how many there are."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

# A box, `(x0, y0, x1, y1)` relative to the frame, in 0..1; its class; the
# number of its object, -1 if unknown; and whether it must be ignored.
BOX = np.dtype(
    [
        ("box", "<f4", (4,)),
        ("label", "<i4"),
        ("track", "<i4"),
        ("ignored", "?"),
    ]
)


@dataclasses.dataclass(frozen=True, eq=False)
class BoxTable:
    """The boxes of some frames, in order.

    Attributes:
        annotated: `[T]` bool, whether the objects of each frame are known. A
            frame that is annotated may have no boxes.
        counts: `[T]` int32, the number of boxes of each frame.
        rows: `[N]` with a row of `BOX` per box, frame by frame.
    """

    annotated: np.ndarray
    counts: np.ndarray
    rows: np.ndarray

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """The place of the first box of each frame in `rows`."""
        counts = self.counts.astype(np.int64)
        return counts.cumsum() - counts

    def of_frame(self, frame: int) -> np.ndarray:
        """Returns the rows of the boxes of a frame."""
        start = self.starts[frame]
        return self.rows[start : start + self.counts[frame]]

    def part(self, first: int, frames: int) -> "BoxTable":
        """Returns the boxes of some frames that follow each other."""
        chosen = slice(first, first + frames)
        counts = self.counts[chosen]
        start = self.starts[first] if frames else 0
        return BoxTable(
            self.annotated[chosen],
            counts,
            self.rows[start : start + counts.sum(dtype=np.int64)],
        )


@dataclasses.dataclass(frozen=True)
class BoxCounts:
    """The boxes of a data set.

    Attributes:
        stored: The number of boxes in the shards.
        clipped: How many of these were partly outside their frame, and are
            stored as the part inside.
        ignored: How many of these a detector need not find.
        broken: The number of boxes that are not stored for each reason;
            `broken_boxes.csv` lists them.
    """

    stored: int
    clipped: int
    ignored: int
    broken: dict[str, int]


def join_boxes(tables: Sequence[BoxTable]) -> BoxTable:
    """Returns the boxes of clips that follow each other."""
    return BoxTable(
        np.concatenate([np.empty(0, bool), *(x.annotated for x in tables)]),
        np.concatenate([np.empty(0, np.int32), *(x.counts for x in tables)]),
        np.concatenate([np.empty(0, BOX), *(x.rows for x in tables)]),
    )
