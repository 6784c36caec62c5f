"""FrameIndex: the positions of frames in a shard, to read only some of them.

TFRecord readers return whole records, and the record of a clip has all its
frames. The file `SHARD.index` beside a shard makes single frames readable. It
contains, with little-endian numbers:

    32 bytes                 SHA-256 of the shard
    one `_CLIP` per clip     in the order of the records; `label` is repeated
                             for each head
    one `_FRAME` per frame   in the order of the clips

Other readers of the shards need no index. The index is derived from the shard:
if it is missing or belongs to another shard, it is written again.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import zlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.storage.prepared_dataset import Shard
from tsm_keras.data.storage.records import parse_clip

_CLIP = [
    ("label", "<i4"),  # One number per head.
    ("num_frames", "<i4"),
    ("frame_rate", "<f4"),
    ("height", "<i4"),
    ("width", "<i4"),
]
_FRAME = np.dtype([("offset", "<i8"), ("length", "<i4"), ("crc32", "<u4")])
_HASH_BYTES = 32


@dataclasses.dataclass(frozen=True)
class FrameIndex:
    """The clips of a shard and the positions of their frames.

    Attributes:
        path: Path of the shard.
        clips: Structured array with one row per clip: `label`, `num_frames`,
            `frame_rate`, `height` and `width`. With several heads, `label`
            is a vector.
    """

    path: str
    clips: np.ndarray

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Returns the positions of frames in the shard.

        The index file is read again in each call, because a data set may have
        too many shards to keep their files open or in memory.

        Args:
            rows: `[N]` integers, numbers of frames within the shard. The
                frames of the first clip come first.

        Returns:
            Structured array of N rows: the `offset` and `length` of the JPEG
            file in the shard, in bytes, and its `crc32`.
        """
        first = int(rows.min())
        start = _HASH_BYTES + self.clips.nbytes + first * _FRAME.itemsize
        size = (int(rows.max()) - first + 1) * _FRAME.itemsize
        with _reader(index_path(pathlib.Path(self.path))) as read:
            return np.frombuffer(read(size, start), _FRAME)[rows - first]

    def read(
        self, rows: np.ndarray, content: bytes | None = None
    ) -> np.ndarray:
        """Reads frames.

        Args:
            rows: As in `places`.
            content: The content of the shard if it is in memory; None to read
                it from the file.

        Returns:
            `[N]` array of bytes, one JPEG file per frame.

        Raises:
            OSError: If the shard is damaged or cannot be read.
        """
        jpegs = np.empty(len(rows), object)
        with contextlib.ExitStack() as stack:
            if content is None:
                read = stack.enter_context(_reader(self.path))
            else:
                read = functools.partial(_part, content)
            places = self.places(rows).tolist()
            for place, (offset, length, crc32) in enumerate(places):
                jpeg = read(length, offset)
                if zlib.crc32(jpeg) != crc32:
                    raise OSError(f"{self.path} is damaged at byte {offset}")
                jpegs[place] = jpeg
        return jpegs


def read_index(
    folder: pathlib.Path, shard: Shard, heads: Sequence[str] = ("",)
) -> FrameIndex:
    """Returns the index of a shard; writes it if it is missing or outdated.

    Args:
        folder: Folder of the data set.
        shard: The shard.
        heads: The name of each head of the data set.

    Raises:
        OSError: If the index must be written but cannot be.
        ValueError: If the index must be written and the shard is damaged.
    """
    path = folder / shard.file
    index, clip = index_path(path), _clip_type(heads)
    if not _fits(index, shard, clip):
        try:
            write_index(path, shard.sha256, heads)
        except OSError as error:
            raise OSError(
                f"{index} is missing or of another shard and cannot be written "
                f"({error}). Open the data set once where its folder is "
                "writable."
            ) from error
    return FrameIndex(
        path=os.fspath(path),
        clips=np.fromfile(index, clip, shard.clips, offset=_HASH_BYTES),
    )


def write_index(
    path: pathlib.Path, sha256: str, heads: Sequence[str] = ("",)
) -> None:
    """Writes the index of a shard; the file appears when it is complete.

    Args:
        path: Path of the shard.
        sha256: SHA-256 of the shard's content, in hexadecimal digits.
        heads: The name of each head of the data set.
    """
    clips, frames = [], []
    for start, record in _records(path):
        clip = {key: x.numpy() for key, x in parse_clip(record, heads).items()}
        jpegs = clip["frames"].tolist()
        clip["num_frames"] = len(jpegs)
        clips.append(tuple(clip[name] for name, _ in _CLIP))
        end = 0
        for jpeg in jpegs:
            begin = record.index(jpeg, end)
            end = begin + len(jpeg)
            frames.append((start + begin, len(jpeg), zlib.crc32(jpeg)))
    with (
        atomic_file(index_path(path)) as temporary,
        open(temporary, "wb") as file,
    ):
        file.write(bytes.fromhex(sha256))
        file.write(np.array(clips, _clip_type(heads)).tobytes())
        file.write(np.array(frames, _FRAME).tobytes())


def _clip_type(heads):
    """Returns `_CLIP` with one label per head."""
    (label, number), *rest = _CLIP
    shape = (len(heads),) if len(heads) > 1 else ()
    return np.dtype([(label, number, shape), *rest])


def index_path(path: pathlib.Path) -> pathlib.Path:
    """Returns the path of the index of the shard at `path`."""
    return path.with_name(path.name + ".index")


@contextlib.contextmanager
def _reader(path):
    """Yields a function of size and offset that reads a file.

    It is faster than a file object.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        yield functools.partial(os.pread, file)
    finally:
        os.close(file)


def _part(content, size, offset):
    return content[offset : offset + size]


def _fits(index, shard, clip):
    rows = shard.clips * clip.itemsize + shard.frames * _FRAME.itemsize
    size = _HASH_BYTES + rows
    if not index.is_file() or index.stat().st_size != size:
        return False
    with index.open("rb") as file:
        return file.read(_HASH_BYTES).hex() == shard.sha256


def _records(path):
    """Yields the offset in bytes and the content of each record of a shard."""
    records = tf.data.TFRecordDataset(os.fspath(path))
    start = 12  # A record begins with its length, 8 bytes, and a checksum.
    try:
        for record in records.as_numpy_iterator():
            yield start, record
            start += len(record) + 16  # Another checksum follows it.
    except tf.errors.DataLossError as error:
        raise ValueError(f"{path} is damaged: {error.message}") from error
