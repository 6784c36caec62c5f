"""ClipTable: the clips of a shard or split, and the places of their frames."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tsm_keras.data.storage.clip_record import ClipRecord

# The place of a JPEG file in its shard, in bytes, and its checksum.
FRAME = np.dtype([("offset", "<i8"), ("length", "<i4"), ("crc32", "<u4")])


@dataclasses.dataclass(frozen=True, eq=False)
class ClipTable:
    """The clips of a shard or of a split, in order.

    Attributes:
        clips: Structured array with a row of `clip_type` per clip.
        names: Array of bytes, the `data_path` of each clip.
        frames: Structured array with a row of `FRAME` per frame.
    """

    clips: np.ndarray
    names: np.ndarray
    frames: np.ndarray


def make_table(
    clips: Sequence[ClipRecord],
    lengths: Sequence[int],
    frames: Sequence[tuple[int, int, int]],
    heads: Sequence[str],
) -> ClipTable:
    """Returns the table of some clips.

    Args:
        clips: The clips. Their frames are ignored.
        lengths: The number of frames of each clip.
        frames: A row of `FRAME` for each frame.
        heads: The name of each head; empty if the clips have no labels, for
            which the table has zeros.
    """
    labels = [clip.label if heads else 0 for clip in clips]
    rows = [
        (label, n, x.frame_rate, x.height, x.width, x.start, x.end)
        for label, x, n in zip(labels, clips, lengths, strict=True)
    ]
    names = np.empty(len(clips), object)
    names[:] = [x.data_path.encode("utf-8", "surrogateescape") for x in clips]
    return ClipTable(
        clips=np.array(rows, clip_type(heads)),
        names=names,
        frames=np.array(frames, FRAME),
    )


def clip_type(heads: Sequence[str]) -> np.dtype:
    """Returns the type of a row about a clip.

    Args:
        heads: The name of each head; with several, `label` is a vector.
    """
    shape = (len(heads),) if len(heads) > 1 else ()
    return np.dtype(
        [
            ("label", "<i4", shape),
            ("num_frames", "<i4"),
            ("frame_rate", "<f4"),
            ("height", "<i4"),
            ("width", "<i4"),
            ("start", "<i8"),
            ("end", "<i8"),
        ]
    )
