"""unfinished_shards, finish: the first and the last step of `tsm prepare`."""

import collections
import contextlib
import csv
import hashlib
import json
import pathlib
import shutil
import warnings
from collections.abc import Iterator

import filelock
import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.labels import heads_as_json
from tsm_keras.data.prepare.plan import DECODERS, IngestPlan, PlannedShard
from tsm_keras.data.prepare.shards import (
    WORK_FOLDER,
    ShardResult,
    finished_shards,
    read_result,
)
from tsm_keras.data.storage.box_table import BoxCounts, join_boxes
from tsm_keras.data.storage.prepared_dataset import (
    BROKEN_FILE,
    REJECTED_FILE,
    SPLITS,
    PreparedDataset,
    Split,
    is_prepared,
    open_prepared,
    write_description,
)
from tsm_keras.data.storage.same_settings import expect_same_settings
from tsm_keras.data.storage.split_boxes import boxes_path, write_boxes
from tsm_keras.data.storage.split_index import index_path, write_split_index
from tsm_keras.version import __version__

_PLAN_FILE = "plan.json"
_LOCK_FILE = "lock"


@contextlib.contextmanager
def unfinished_shards(
    plan: IngestPlan, folder: pathlib.Path
) -> Iterator[list[PlannedShard]]:
    """Begins or continues a folder; yields the shards that are to be written.

    Inside the block no other process can work on the same folder.

    Raises:
        FileExistsError, ValueError: As in `ingest`.
        BlockingIOError: If another process is at work in the folder.
    """
    work = folder / WORK_FOLDER
    if not work.is_dir():
        if folder.exists() and any(folder.iterdir()):
            state = "is finished" if is_prepared(folder) else "is not empty"
            raise FileExistsError(
                f"{folder} {state}. Choose another folder or remove this one."
            )
        work.mkdir(parents=True)
    # The lock ends with this process, however the process ends.
    lock = filelock.FileLock(work / _LOCK_FILE, blocking=False)
    try:
        held = lock.acquire()
    except filelock.Timeout as error:
        raise BlockingIOError(
            f"Another process is at work in {folder}."
        ) from error
    with held:
        _remove_parts(folder)  # A killed run left these.
        _check_plan(plan, folder, work / _PLAN_FILE)
        finished = finished_shards(folder)
        try:
            yield [x for x in plan.shards if x.file not in finished]
        finally:
            _remove_parts(folder)  # Workers that were killed left these.


def _remove_parts(folder):
    for part in folder.glob(".*.part"):
        part.unlink()


def _check_plan(plan, folder, path):
    """Saves the fingerprint of the plan, or compares it with the saved one."""
    fingerprint = plan.fingerprint()
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(fingerprint), "utf-8")
        return
    if plan.exclude:  # An excluded file may have changed.
        del fingerprint["sizes_sha256"]
    begun = json.loads(path.read_text("utf-8"))
    for decoder in DECODERS:
        was, now = begun[decoder], fingerprint[decoder]
        if was != now and _minor(was) == _minor(now):
            begun[decoder] = now
            warnings.warn(
                f"{folder} was begun with {decoder} {was}, and this is {now}. "
                "The clips that are left may have slightly other pixels.",
                stacklevel=2,
            )
    expect_same_settings(folder, begun, fingerprint)


def _minor(version):
    """Returns a version without its patch number."""
    return version.split(".")[:2]


def finish(plan: IngestPlan, folder: pathlib.Path) -> PreparedDataset:
    """Writes the description of the data set once all shards are written.

    Raises:
        ValueError: If a shard is not finished, or no shard holds a clip.
    """
    finished = len(finished_shards(folder))
    if finished < len(plan.shards):
        raise ValueError(
            f"{folder} has only {finished} of {len(plan.shards)} shards. "
            "Run the same command again to continue."
        )
    results = {shard: read_result(folder, shard) for shard in plan.shards}
    splits = {}
    for split in SPLITS:
        members = [shard for shard in plan.shards if shard.split == split]
        if members:
            of_split = [results[shard] for shard in members]
            splits[split] = _describe(plan, of_split)
            _write_index(plan, folder, split, members, of_split)
    rejected = list(plan.rejected)
    rejected += [row for result in results.values() for row in result.rejected]
    _write_csv(folder / REJECTED_FILE, ("path", "reason"), sorted(rejected))
    boxes = None
    if plan.has_boxes:
        boxes = _count_boxes(plan, folder, list(results.values()))
    if not any(split.clips for split in splits.values()):
        raise ValueError(
            f"None of {len(rejected)} clips could be read. See "
            f"{folder / REJECTED_FILE}."
        )
    single = len(plan.heads) == 1
    described = plan.label_names if single else heads_as_json(plan.heads)
    content = hashlib.sha256(repr(described).encode())
    for result in results.values():
        content.update(f"{result.shard.file} {result.shard.sha256}".encode())
    write_description(
        PreparedDataset(
            folder=folder,
            name=plan.name,
            heads=plan.heads,
            splits=splits,
            flip_pairs=plan.flip_pairs,
            images=plan.images,
            rejected=len(rejected),
            content_hash=content.hexdigest(),
            tool_version=__version__,
            boxes=boxes,
        )
    )
    # Renamed before it is removed: if the process is killed in between, the
    # folder does not look like one that still has work to do.
    done = (folder / WORK_FOLDER).rename(folder / ".finished")
    shutil.rmtree(done)
    return open_prepared(folder)


def _write_csv(path, header, rows):
    with (
        atomic_file(path) as temporary,
        open(
            temporary,
            "w",
            newline="",
            encoding="utf-8",
            errors="surrogateescape",
        ) as file,
    ):
        csv.writer(file).writerows([header, *rows])


def _count_boxes(plan, folder, results):
    """Counts the boxes, and lists those that are broken."""
    broken = [*plan.broken_boxes]
    broken += [row for result in results for row in result.broken]
    broken.sort(key=lambda row: (row[0], row[1] is not None, row[1], row[2]))
    _write_csv(folder / BROKEN_FILE, ("path", "frame", "reason"), broken)
    reasons = collections.Counter(reason for *_, reason in broken)
    return BoxCounts(
        stored=sum(len(result.boxes.rows) for result in results),
        clipped=sum(result.clipped for result in results),
        ignored=sum(int(x.boxes.rows["ignored"].sum()) for x in results),
        broken=dict(sorted(reasons.items())),
    )


def _write_index(plan, folder, split, shards, results):
    """Writes the index of a split from the results of its shards."""
    described = [result.shard for result in results if result.shard.clips]
    if not described:
        return
    write_split_index(
        index_path(folder, split),
        described,
        np.concatenate([result.table.clips for result in results]),
        [name for result in results for name in result.table.names],
        # There may be more frames than memory for their places.
        (read_result(folder, x, frames=True).table.frames for x in shards),
    )
    if plan.has_boxes:
        boxes = join_boxes([result.boxes for result in results])
        write_boxes(boxes_path(folder, split), described, boxes)


def _describe(plan: IngestPlan, results: list[ShardResult]) -> Split:
    clips = np.concatenate([result.table.clips for result in results])
    sizes = [len(head.label_names) for head in plan.heads]
    columns = list(clips["label"].reshape(-1, len(sizes)).T)
    if plan.has_boxes:
        boxes = join_boxes([result.boxes for result in results])
        columns = [_labels_of_clips(boxes, clips["num_frames"])]
    seconds = (clips["end"] - clips["start"]) / 1_000_000
    return Split(
        shards=tuple(result.shard for result in results),
        clips_per_label=tuple(
            number
            for column, size in zip(columns, sizes, strict=True)
            for number in np.bincount(column, minlength=size).tolist()
        ),
        statistics={
            "frames": _range(clips["num_frames"]),
            "duration": _range(seconds),
            # Single precision adds digits to a rate such as 29.97003.
            "frame_rate": _range(clips["frame_rate"], digits=5),
        },
    )


def _labels_of_clips(boxes, num_frames):
    """Returns each class of each clip once."""
    clip_of_frame = np.repeat(np.arange(len(num_frames)), num_frames)
    clip_of_box = np.repeat(clip_of_frame, boxes.counts)
    pairs = np.stack([clip_of_box, boxes.rows["label"]], 1)
    return np.unique(pairs, axis=0)[:, 1]


def _range(values, digits=6):
    if not len(values):
        return dict.fromkeys(("min", "median", "max"), 0.0)
    found = {"min": np.min, "median": np.median, "max": np.max}
    return {
        name: round(float(of(values)), digits) for name, of in found.items()
    }
