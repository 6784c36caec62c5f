"""ShardWriter: writes the clips of a shard and finds the places of its frames.

A shard is a TFRecord file: each record stands between its length with a
checksum and a checksum of its own.
"""

import dataclasses
import hashlib
import pathlib
import struct
import zlib
from collections.abc import Sequence
from types import TracebackType

from tsm_keras.data.storage.clip_record import ClipRecord, serialize_clip
from tsm_keras.data.storage.clip_table import ClipTable, make_table
from tsm_keras.data.storage.prepared_dataset import Shard
from tsm_keras.data.storage.shard_reader import RECORD_START, checksum


class ShardWriter:
    """Writes clips to a new file, in a `with` block.

    Args:
        path: The file to write.
        name: The name that the file will have when it is complete.
        heads: The name of each head, in the order of the labels of a clip.
    """

    def __init__(
        self, path: pathlib.Path, name: str, heads: Sequence[str] = ("",)
    ):
        self._path, self._name, self._heads = path, name, heads
        self._digest, self._size = hashlib.sha256(), 0
        self._clips: list[ClipRecord] = []
        self._lengths: list[int] = []
        self._frames: list[tuple[int, int, int]] = []

    def __enter__(self) -> "ShardWriter":
        # Without a buffer there is nothing that `close` could fail to write.
        self._file = open(self._path, "wb", buffering=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, clip: ClipRecord) -> None:
        """Writes a clip.

        Raises:
            OSError: If the file cannot be written. The message says so,
                because the source of the clip may be at fault otherwise.
        """
        record = serialize_clip(clip, self._heads)
        start, end = self._size + RECORD_START, 0
        for jpeg in clip.frames:
            begin = record.index(jpeg, end)
            end = begin + len(jpeg)
            self._frames.append((start + begin, len(jpeg), zlib.crc32(jpeg)))
        self._lengths.append(len(clip.frames))
        self._clips.append(dataclasses.replace(clip, frames=()))
        length = struct.pack("<Q", len(record))
        self._write(length + checksum(length))
        self._write(record)
        self._write(checksum(record))

    def finish(self) -> tuple[Shard, ClipTable]:
        """Returns the description of the shard and the table of its clips."""
        shard = Shard(
            file=self._name,
            clips=len(self._clips),
            frames=len(self._frames),
            bytes=self._size,
            sha256=self._digest.hexdigest(),
        )
        return shard, make_table(
            self._clips, self._lengths, self._frames, self._heads
        )

    def _write(self, content):
        self._digest.update(content)
        self._size += len(content)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            path = self._path.with_name(self._name)
            raise OSError(f"Cannot write {path}: {error.strerror}") from error
