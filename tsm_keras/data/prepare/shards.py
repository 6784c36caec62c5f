"""write_shard: writes one shard of a plan, its index and its result."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterable

import tensorflow as tf

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.prepare.clip_encoding import EncodedClip, Rejected
from tsm_keras.data.prepare.plan import IngestPlan, PlannedShard
from tsm_keras.data.storage.frame_index import write_index
from tsm_keras.data.storage.prepared_dataset import Shard
from tsm_keras.data.storage.records import ClipRecord, serialize_clip
from tsm_keras.file_hash import file_sha256

WORK_FOLDER = ".unfinished"


@dataclasses.dataclass(frozen=True)
class ClipCount:
    """The properties of a stored clip that enter the statistics.

    Attributes:
        label: Class number; with several heads a tuple, one per head.
        frames: The number of stored frames.
        duration: Duration in seconds.
        frame_rate: The number of stored frames per second.
    """

    label: int | tuple[int, ...]
    frames: int
    duration: float
    frame_rate: float


@dataclasses.dataclass(frozen=True)
class ShardResult:
    """A finished shard.

    Attributes:
        shard: Description of the file.
        clips: The clips in the shard.
        rejected: Path and reason of each planned clip that is not in it.
    """

    shard: Shard
    clips: tuple[ClipCount, ...]
    rejected: tuple[tuple[str, str], ...]


def write_shard(
    plan: IngestPlan,
    shard: PlannedShard,
    results: Iterable[EncodedClip | Rejected],
    folder: pathlib.Path,
) -> ShardResult:
    """Writes a shard, its index and then its result.

    Each file appears under its name only when it is complete.

    Args:
        plan: The plan of the data set.
        shard: The shard of the plan to write.
        results: One encoded or rejected clip per clip of the shard, in order.
        folder: Folder of the data set.

    Returns:
        The result, which `read_result` returns from now on.

    Raises:
        OSError: If a file cannot be written, for example for lack of space.
    """
    counts, rejected = [], []
    path, heads = folder / shard.file, [head.name for head in plan.heads]
    with atomic_file(path) as temporary:
        try:
            with tf.io.TFRecordWriter(os.fspath(temporary)) as writer:
                for source, result in zip(shard.clips, results, strict=True):
                    if isinstance(result, Rejected):
                        rejected.append((source.path, result.reason))
                        continue
                    record = _record(plan, source, result)
                    writer.write(serialize_clip(record, heads))
                    counts.append(_count(record))
        except tf.errors.OpError as error:
            reason = error.message.rpartition("; ")[-1]
            raise OSError(f"Cannot write {path}: {reason}") from error
        description = Shard(
            file=shard.file,
            clips=len(counts),
            frames=sum(count.frames for count in counts),
            bytes=temporary.stat().st_size,
            sha256=file_sha256(temporary),
        )
    write_index(path, description.sha256, heads)
    finished = ShardResult(description, tuple(counts), tuple(rejected))
    with atomic_file(_result_path(folder, shard)) as temporary:
        temporary.write_text(json.dumps(dataclasses.asdict(finished)), "utf-8")
    return finished


def read_result(
    folder: pathlib.Path, shard: PlannedShard
) -> ShardResult | None:
    """Returns the result of a shard, or None if it is not finished."""
    path = _result_path(folder, shard)
    if not path.is_file():
        return None
    fields = json.loads(path.read_text("utf-8"))
    return ShardResult(
        shard=Shard(**fields["shard"]),
        clips=tuple(map(_count_from_json, fields["clips"])),
        rejected=tuple((path, reason) for path, reason in fields["rejected"]),
    )


def _count_from_json(fields):
    label = fields["label"]  # JSON has no tuples.
    label = tuple(label) if isinstance(label, list) else label
    return ClipCount(**fields | {"label": label})


def _result_path(folder, shard):
    return folder / WORK_FOLDER / f"{shard.file}.json"


def _record(plan, source, encoded):
    label = tuple(
        head.label_names.index(name)
        for head, name in zip(plan.heads, source.labels, strict=True)
    )
    return ClipRecord(
        **vars(encoded),
        label=label if len(label) > 1 else label[0],
        label_name=source.label,
        data_path=source.path,
        dataset_name=plan.name,
    )


def _count(record):
    return ClipCount(
        label=record.label,
        frames=len(record.frames),
        duration=(record.end - record.start) / 1_000_000,
        frame_rate=record.frame_rate,
    )
