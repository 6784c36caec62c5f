"""SplitIndex: the clips of a split, and where their frames are in its shards.

TFRecord readers return whole records, and the record of a clip has all its
frames. The file `SPLIT.index` makes the names of clips and single frames
readable. It contains, with little-endian numbers:

    32 bytes                  SHA-256 over the SHA-256 of the shards
    8 bytes                   the length of the names in bytes
    a row of `clip_type`      for each clip, in the order of the shards
    the names                 of the clips' sources, with a zero byte between
    a row of `FRAME`          for each frame, in the order of the clips

Other readers of the shards need no index. The index is derived from the shards:
if it is missing or belongs to other shards, it is written again.
"""

import contextlib
import dataclasses
import functools
import hashlib
import os
import pathlib
import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.storage.clip_table import FRAME, ClipTable, clip_type
from tsm_keras.data.storage.prepared_dataset import PreparedDataset, Shard
from tsm_keras.data.storage.shard_reader import has_old_index, table_of_shard

_HASH_BYTES = 32
_SIZE = struct.Struct("<q")


@dataclasses.dataclass(frozen=True, eq=False)
class SplitIndex:
    """The clips of a split, and the places of their frames.

    Attributes:
        paths: Path of each shard that has clips.
        table: The clips.
        shards: `[N]`, the number of the shard of each clip.
        starts: `[N]`, the row of the first frame of each clip.
    """

    paths: tuple[str, ...]
    table: ClipTable
    shards: np.ndarray
    starts: np.ndarray

    def path(self, clip: int) -> str:
        """Returns the path of the shard of a clip."""
        return self.paths[self.shards[clip]]

    def read(
        self, clip: int, frames: np.ndarray, content: bytes | None = None
    ) -> np.ndarray:
        """Reads frames of a clip.

        Args:
            clip: Number of the clip.
            frames: `[N]` integers, numbers of frames within the clip.
            content: The content of the shard if it is in memory; None to read
                it from the file.

        Returns:
            `[N]` array of bytes, one JPEG file per frame.

        Raises:
            OSError: If the shard is damaged or cannot be read.
        """
        path = self.path(clip)
        places = self.table.frames[self.starts[clip] + frames]
        jpegs = np.empty(len(frames), object)
        with contextlib.ExitStack() as stack:
            if content is None:
                read = stack.enter_context(_reader(path))
            else:
                read = functools.partial(_part, content)
            for place, (offset, length, crc32) in enumerate(places.tolist()):
                jpeg = read(length, offset)
                if zlib.crc32(jpeg) != crc32:
                    raise OSError(f"{path} is damaged at byte {offset}")
                jpegs[place] = jpeg
        return jpegs


def read_split_index(dataset: PreparedDataset, split: str) -> SplitIndex:
    """Returns the index of a split; writes it if it is missing or outdated.

    A command reads each index once, however often it opens the data set.

    Args:
        dataset: The data set.
        split: Name of the split.

    Raises:
        OSError: If the index must be written but cannot be.
        ValueError: If the index must be written and a shard is damaged.
    """
    shards = [shard for shard in dataset.split(split).shards if shard.clips]
    heads = dataset.labelled_heads
    path = index_path(dataset.folder, split)
    table = _read(path, shards, heads) or _renew(path, shards, heads)
    numbers = np.repeat(np.arange(len(shards)), [x.clips for x in shards])
    lengths = table.clips["num_frames"].astype(np.int64)
    return SplitIndex(
        paths=tuple(str(dataset.folder / shard.file) for shard in shards),
        table=table,
        shards=numbers,
        starts=lengths.cumsum() - lengths,
    )


def write_split_index(
    path: pathlib.Path,
    shards: Sequence[Shard],
    clips: np.ndarray,
    names: Iterable[bytes],
    frames: Iterable[np.ndarray],
) -> None:
    """Writes the index of a split; the file appears when it is complete.

    Args:
        path: From `index_path`.
        shards: The shards of the split that have clips.
        clips: As in `ClipTable`.
        names: As in `ClipTable`.
        frames: Parts of the array in `ClipTable`, such as one per shard.
    """
    together = b"\0".join(names)
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        file.write(shards_key(shards))
        file.write(_SIZE.pack(len(together)))
        file.write(clips.tobytes())
        file.write(together)
        for part in frames:
            file.write(part.tobytes())


def index_path(folder: pathlib.Path, split: str) -> pathlib.Path:
    """Returns the path of the index of a split."""
    return folder / f"{split}.index"


def shards_key(shards: Sequence[Shard]) -> bytes:
    """Returns what changes if the content of a shard changes."""
    hashes = " ".join(shard.sha256 for shard in shards)
    return hashlib.sha256(hashes.encode()).digest()


def _read(path, shards, heads):
    """Returns the table in a file, or None if it is not of these shards."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    identity = (status.st_ino, status.st_mtime_ns, status.st_size)
    clips = sum(shard.clips for shard in shards)
    frames = sum(shard.frames for shard in shards)
    return _read_once(path, identity, shards_key(shards), heads, clips, frames)


@functools.lru_cache(maxsize=8)
def _read_once(path, identity, key, heads, clips, frames):
    """Reads a file; `identity` changes if another file takes its place."""
    row = clip_type(heads)
    with contextlib.suppress(OSError), open(path, "rb") as file:
        if file.read(_HASH_BYTES) != key:
            return None
        (length,) = _SIZE.unpack(file.read(_SIZE.size))
        before = _HASH_BYTES + _SIZE.size + clips * row.itemsize + length
        if identity[-1] != before + frames * FRAME.itemsize:
            return None
        table = np.frombuffer(file.read(clips * row.itemsize), row)
        names = np.array(file.read(length).split(b"\0"), object)
        # There may be more frames than memory for their rows.
        rows = np.memmap(file, FRAME, "r", before, (frames,))
        return ClipTable(table, names, rows)
    return None


def _renew(path, shards, heads):
    """Finds what the index holds in the shards, and writes it."""
    tables = [table_of_shard(path.parent, shard, heads) for shard in shards]
    table = ClipTable(
        *(
            np.concatenate([getattr(x, name) for x in tables])
            for name in ("clips", "names", "frames")
        )
    )
    try:
        write_split_index(
            path, shards, table.clips, table.names, [table.frames]
        )
    except OSError as error:
        if not all(has_old_index(path.parent, shard) for shard in shards):
            raise OSError(
                f"{path} is missing or belongs to other shards, and cannot be "
                f"written ({error}). Open the data set once where its folder "
                "is writable."
            ) from error
    return table


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
