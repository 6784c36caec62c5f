"""place_boxes: moves the boxes of a video to the frames that are stored."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from tsm_keras.data.prepare.collections.boxes.boxed_video import (
    NO_FRAME,
    SourceBoxes,
)
from tsm_keras.data.storage.box_table import BOX, BoxTable
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.video.decoding import VideoError
from tsm_keras.data.video.resizing import with_short_side

# Boxes that were drawn in frames of another size must be of the same shape, up
# to this factor, which allows for rounding.
_SAME_SHAPE = 1.02
# What is closer to the edge of the frame, in shares of its side, is at it.
_ROUNDING = 1e-3


@dataclasses.dataclass(frozen=True)
class SeenFrames:
    """The frames of a source, and which of them are stored.

    Attributes:
        sizes: The height and width of each frame of the source.
        stored: For each stored frame, the number of its frame in the source.
    """

    sizes: Sequence[tuple[int, int]]
    stored: Sequence[int]


@dataclasses.dataclass(frozen=True, eq=False)
class PlacedBoxes:
    """The boxes of the stored frames of a clip.

    Attributes:
        boxes: The boxes.
        clipped: The number of boxes that reached outside their frame.
        broken: The frame or None, and the reason, for each box of the source
            that has no place in its frame.
    """

    boxes: BoxTable
    clipped: int
    broken: tuple[tuple[int | None, str], ...]


def place_boxes(
    path: str | os.PathLike,
    source: SourceBoxes,
    seen: SeenFrames,
    shape: tuple[int, int],
    images: ImageSettings,
) -> PlacedBoxes:
    """Returns the boxes of the stored frames, relative to these frames.

    Boxes of frames that are not stored, because of `images.max_frame_rate`,
    are not stored either.

    Args:
        path: The video, for errors.
        source: Its boxes in pixels of its frames.
        seen: The frames of the video.
        shape: The height and width of the stored frames.
        images: The size to which frames are resized, before the central part
            is cut out if their sizes differ.

    Raises:
        VideoError: If the boxes were drawn in frames of another shape.
    """
    total = len(seen.sizes)
    rows, reasons = source.rows, np.full(len(source.rows), None, object)
    exists = (rows["frame"] >= 0) & (rows["frame"] < total)
    reasons[~exists] = NO_FRAME
    sizes = np.array(seen.sizes, np.float64)[:, ::-1]  # Width and height.
    drawn = sizes
    if source.size is not None:
        drawn = np.broadcast_to(np.array(source.size, np.float64), sizes.shape)
        stretch = drawn[:, 0] * sizes[:, 1] / (drawn[:, 1] * sizes[:, 0])
        if np.maximum(stretch, 1 / stretch).max() > _SAME_SHAPE:
            width, height = map(int, sizes[0])
            raise VideoError(
                path,
                f"its frames are {width}x{height}, but its boxes are for "
                "frames of {}x{}".format(*source.size),
            )
    frame = np.where(exists, rows["frame"], 0)
    # Relative to the frame of the source, and then to its part that is stored.
    whole = rows["box"] / np.tile(drawn[frame], 2)
    low, high = whole[:, :2], whole[:, 2:]
    empty = (high <= low).any(1)
    reasons[exists & empty] = "the box is empty"
    outside = ((high <= 0) | (low >= 1)).any(1)
    reasons[exists & ~empty & outside] = "the box is outside the frame"
    good = exists & ~empty & ~outside
    clipped = good & ((low < -_ROUNDING) | (high > 1 + _ROUNDING)).any(1)
    resized = np.array(
        [with_short_side(*size, images.short_side) for size in seen.sizes],
        np.float64,
    )[:, ::-1]
    stored = np.array(shape[::-1], np.float64)
    offset = np.tile((resized - stored) // 2, 2)
    boxes = whole * np.tile(resized[frame], 2) - offset[frame]
    boxes = np.clip(boxes / np.tile(stored, 2), 0, 1)
    # A box in the part that is cut off where the sizes of frames differ.
    left = good & (boxes[:, 2:] > boxes[:, :2]).all(1)
    reasons[good & ~left] = "the box is outside the part that is stored"
    found = np.zeros(len(rows), BOX)
    found["box"] = boxes
    for name in ("label", "track", "ignored"):
        found[name] = rows[name]
    order = np.argsort(frame, kind="stable")
    order = order[left[order]]
    ends = np.searchsorted(frame[order], [*range(total + 1)])
    numbers = list(seen.stored)
    parts = [order[ends[n] : ends[n + 1]] for n in numbers]
    annotated = source.annotated
    known = [annotated is None or number in annotated for number in numbers]
    places = np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
    broken = [
        (int(number), reason)
        for number, reason in zip(rows["frame"], reasons, strict=True)
        if reason is not None
    ]
    return PlacedBoxes(
        boxes=BoxTable(
            np.array(known, bool),
            np.array([len(part) for part in parts], np.int32),
            found[places],
        ),
        clipped=int(clipped[places].sum()),
        broken=(*source.broken, *broken),
    )
