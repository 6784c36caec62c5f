"""write_shard: encodes the clips of one shard of a plan and writes the shard.

This runs in the worker processes of `tsm prepare`, on one machine or many.
TensorFlow is not needed.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.prepare.clip_encoding import EncodedClip, Rejected
from tsm_keras.data.prepare.placed_boxes import PlacedBoxes
from tsm_keras.data.prepare.plan import IngestPlan, PlannedShard
from tsm_keras.data.storage.box_table import BoxTable, join_boxes
from tsm_keras.data.storage.boxed_record import BoxedClip
from tsm_keras.data.storage.clip_record import ClipRecord
from tsm_keras.data.storage.clip_table import ClipTable
from tsm_keras.data.storage.prepared_dataset import Shard
from tsm_keras.data.storage.shard_writer import ShardWriter

WORK_FOLDER = ".unfinished"
_BOXES = ("annotated", "counts", "rows")  # The fields of `BoxTable`.
_ENDING = ".npz"  # Of the result of a shard.
_NO_BOXES = join_boxes([])
# A function of the root, the clip and the settings, such as `try_encode_clip`.
Encode = Callable[..., EncodedClip | Rejected]


@dataclasses.dataclass(frozen=True)
class ShardResult:
    """A finished shard.

    Attributes:
        shard: Description of the file.
        table: The clips in the shard, and the places of their frames.
        rejected: Path and reason of each planned clip that is not in it.
        boxes: The boxes of its clips, if they have boxes.
        clipped: The number of boxes that reached outside their frame.
        broken: Path, frame or None, and reason of each box that is left out.
    """

    shard: Shard
    table: ClipTable
    rejected: tuple[tuple[str, str], ...]
    boxes: BoxTable = _NO_BOXES
    clipped: int = 0
    broken: tuple[tuple[str, int | None, str], ...] = ()


def write_shard(
    plan: IngestPlan,
    shard: PlannedShard,
    folder: pathlib.Path,
    encode: Encode,
    left_out: Mapping[int, str],
) -> Iterator[None]:
    """Writes a shard and then its result; yields after each clip.

    Each file appears under its name only when it is complete.

    Args:
        plan: The plan of the data set. Its own shards are not used.
        shard: The shard to write.
        folder: Folder of the data set.
        encode: Encodes a clip.
        left_out: The reason for each clip that must not be read, by its place
            in the shard.

    Raises:
        OSError: If a source cannot be read or a file cannot be written, for
            example for lack of space.
        MemoryError: If there is too little memory for a clip.
    """
    rejected = []
    placed: list[tuple[str, PlacedBoxes]] = []
    heads = [head.name for head in plan.heads if not plan.has_boxes]
    with atomic_file(folder / shard.file) as temporary:
        with ShardWriter(temporary, shard.file, heads) as writer:
            for place, source in enumerate(shard.clips):
                result = (
                    Rejected(left_out[place])
                    if place in left_out
                    else encode(plan.root, source, plan.images)
                )
                if isinstance(result, Rejected):
                    rejected.append((source.path, result.reason))
                else:
                    writer.add(_record(plan, source, result))
                    if result.placed is not None:
                        placed.append((source.path, result.placed))
                yield
        description, table = writer.finish()
    written = ShardResult(
        shard=description,
        table=table,
        rejected=tuple(rejected),
        boxes=join_boxes([each.boxes for _, each in placed]),
        clipped=sum(each.clipped for _, each in placed),
        broken=tuple(
            (path, *row) for path, each in placed for row in each.broken
        ),
    )
    _write_result(folder, written)


def finished_shards(folder: pathlib.Path) -> set[str]:
    """Returns the names of the shards that have a result; reads no file."""
    names = os.listdir(folder / WORK_FOLDER)
    return {
        name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)
    }


def read_result(
    folder: pathlib.Path, shard: PlannedShard, *, frames: bool = False
) -> ShardResult:
    """Returns the result of a shard.

    Args:
        folder: Folder of the data set.
        shard: A finished shard.
        frames: Whether to read the places of the frames too.

    Raises:
        FileNotFoundError: If the shard is not finished.
    """
    with np.load(_result_path(folder, shard.file)) as stored:
        fields = json.loads(stored["fields"].tobytes())
        clips = stored["clips"]
        names = np.empty(len(clips), object)
        names[:] = stored["names"].tobytes().split(b"\0")[: len(clips)]
        rows = stored["frames"] if frames else np.empty(0)
        boxes = BoxTable(*(stored[name] for name in _BOXES))
    return ShardResult(
        shard=Shard(**fields["shard"]),
        table=ClipTable(clips, names, rows),
        rejected=tuple((path, reason) for path, reason in fields["rejected"]),
        boxes=boxes,
        clipped=fields["clipped"],
        broken=tuple(map(tuple, fields["broken"])),
    )


def _write_result(folder, result):
    fields = {
        "shard": dataclasses.asdict(result.shard),
        "rejected": result.rejected,
        "clipped": result.clipped,
        "broken": result.broken,
    }
    boxes = {name: getattr(result.boxes, name) for name in _BOXES}
    table = result.table
    path = _result_path(folder, result.shard.file)
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            fields=np.frombuffer(json.dumps(fields).encode(), np.uint8),
            clips=table.clips,
            names=np.frombuffer(b"\0".join(table.names), np.uint8),
            frames=table.frames,
            **boxes,
        )


def _result_path(folder, name):
    return folder / WORK_FOLDER / f"{name}{_ENDING}"


def _record(plan, source, encoded):
    fields = {
        **vars(encoded),
        "data_path": source.path,
        "dataset_name": plan.name,
    }
    placed = fields.pop("placed")
    if placed is not None:
        return BoxedClip(
            **fields,
            label=(),
            label_name=(),
            boxes=placed.boxes,
            box_names=plan.label_names,
        )
    label = tuple(
        head.label_names.index(name)
        for head, name in zip(plan.heads, source.labels, strict=True)
    )
    return ClipRecord(
        **fields,
        label=label if len(label) > 1 else label[0],
        label_name=source.label,
    )
