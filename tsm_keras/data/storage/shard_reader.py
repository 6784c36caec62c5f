"""table_of_shard: reads from a shard what its part of an index holds.

Data sets of earlier versions have a file `SHARD.index` beside each shard, with
the places of the frames but without names. It contains:

    32 bytes              SHA-256 of the shard
    a row per clip        `label`, `num_frames`, `frame_rate`, `height`, `width`
    a row of `FRAME`      for each frame, in the order of the clips
"""

import pathlib
import struct
import zlib
from collections.abc import Iterator, Sequence

import google_crc32c
import numpy as np

from tsm_keras.data.storage.clip_record import context_end, parse_record
from tsm_keras.data.storage.clip_table import (
    FRAME,
    ClipTable,
    clip_type,
    make_table,
)
from tsm_keras.data.storage.prepared_dataset import Shard

RECORD_START = 12  # The bytes of the length of a record and its checksum.
_RECORD_END = 4  # The bytes of the checksum of a record.
_CONTEXT_START = 11  # These bytes say where all but the frames ends.
_HASH_BYTES = 32


def table_of_shard(
    folder: pathlib.Path, shard: Shard, heads: Sequence[str]
) -> ClipTable:
    """Returns the clips of a shard and the places of their frames.

    Without an index of an earlier version the whole shard is read.

    Args:
        folder: Folder of the data set.
        shard: The shard.
        heads: The name of each head of the data set.

    Raises:
        ValueError: If the shard is damaged.
    """
    path = folder / shard.file
    old = _old_index(path, shard, heads)
    if old is not None:
        lengths, frames = old
        clips = [
            parse_record(record, heads)
            for _, record in records_of_shard(path, only_context=True)
        ]
        return make_table(clips, lengths, frames.tolist(), heads)
    clips, lengths, places = [], [], []
    for start, record in records_of_shard(path, only_context=False):
        clip = parse_record(record, heads)
        clips.append(clip)
        lengths.append(len(clip.frames))
        end = 0
        for jpeg in clip.frames:
            begin = record.index(jpeg, end)
            end = begin + len(jpeg)
            places.append((start + begin, len(jpeg), zlib.crc32(jpeg)))
    return make_table(clips, lengths, places, heads)


def has_old_index(folder: pathlib.Path, shard: Shard) -> bool:
    """Returns whether an earlier version wrote an index beside a shard."""
    return _old_path(folder / shard.file).is_file()


def checksum(content: bytes) -> bytes:
    """Returns the masked CRC-32C that TFRecord stores of some bytes."""
    crc = google_crc32c.value(content)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<I", masked)


def records_of_shard(
    path: pathlib.Path, *, only_context: bool
) -> Iterator[tuple[int, bytes]]:
    """Yields the offset and the content, or its first part, of each record."""
    with path.open("rb") as file:
        while head := file.read(RECORD_START):
            start = file.tell()
            if len(head) < RECORD_START or checksum(head[:8]) != head[8:]:
                raise ValueError(f"{path} is damaged at byte {start}")
            (size,) = struct.unpack("<Q", head[:8])
            record = file.read(_CONTEXT_START if only_context else size)
            if only_context:
                record += file.read(context_end(record) - len(record))
            elif file.read(_RECORD_END) != checksum(record):
                raise ValueError(f"{path} is damaged at byte {start}")
            yield start, record
            file.seek(start + size + _RECORD_END)


def _old_path(path):
    return path.with_name(path.name + ".index")


def _old_index(path, shard, heads):
    """Returns the lengths of clips and the places of frames, or None."""
    fields = clip_type(heads)
    names = ("label", "num_frames", "frame_rate", "height", "width")
    row = np.dtype([(name, fields[name]) for name in names])
    size = _HASH_BYTES + shard.clips * row.itemsize
    try:
        content = _old_path(path).read_bytes()
    except OSError:
        return None
    if (
        len(content) != size + shard.frames * FRAME.itemsize
        or content[:_HASH_BYTES].hex() != shard.sha256
    ):
        return None
    clips = np.frombuffer(content, row, shard.clips, _HASH_BYTES)
    return clips["num_frames"].tolist(), np.frombuffer(content, FRAME, -1, size)
