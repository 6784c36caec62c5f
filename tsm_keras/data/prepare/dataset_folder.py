"""unfinished_shards, finish: the first and the last step of `tsm prepare`."""

import contextlib
import csv
import hashlib
import json
import pathlib
import shutil
from collections.abc import Iterator

import filelock
import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.labels import heads_as_json
from tsm_keras.data.prepare.plan import IngestPlan, PlannedShard
from tsm_keras.data.prepare.shards import WORK_FOLDER, ShardResult, read_result
from tsm_keras.data.storage.prepared_dataset import (
    REJECTED_FILE,
    SPLITS,
    PreparedDataset,
    Split,
    is_prepared,
    open_prepared,
    write_description,
)
from tsm_keras.data.storage.same_settings import expect_same_settings
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
        for part in folder.glob(".*.part"):  # A killed run left these.
            part.unlink()
        _check_plan(plan, folder, work / _PLAN_FILE)
        yield [
            shard for shard in plan.shards if read_result(folder, shard) is None
        ]


def _check_plan(plan, folder, path):
    """Saves the fingerprint of the plan, or compares it with the saved one."""
    fingerprint = plan.fingerprint()
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(fingerprint), "utf-8")
        return
    begun = json.loads(path.read_text("utf-8"))
    expect_same_settings(folder, begun, fingerprint)


def finish(plan: IngestPlan, folder: pathlib.Path) -> PreparedDataset:
    """Writes the description of the data set once all shards are written.

    Raises:
        ValueError: If a shard is not finished, or no shard holds a clip.
    """
    results = {
        shard: result
        for shard in plan.shards
        if (result := read_result(folder, shard))
    }
    if len(results) < len(plan.shards):
        raise ValueError(
            f"{folder} has only {len(results)} of {len(plan.shards)} shards. "
            "Run the same command again to continue."
        )
    splits = {
        split: _describe(plan, members)
        for split in SPLITS
        if (
            members := [
                result
                for shard, result in results.items()
                if shard.split == split
            ]
        )
    }
    rejected = list(plan.rejected)
    rejected += [row for result in results.values() for row in result.rejected]
    with (
        atomic_file(folder / REJECTED_FILE) as temporary,
        open(
            temporary,
            "w",
            newline="",
            encoding="utf-8",
            errors="surrogateescape",
        ) as file,
    ):
        csv.writer(file).writerows([("path", "reason"), *sorted(rejected)])
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
        )
    )
    # Renamed before it is removed: if the process is killed in between, the
    # folder does not look like one that still has work to do.
    done = (folder / WORK_FOLDER).rename(folder / ".finished")
    shutil.rmtree(done)
    return open_prepared(folder)


def _describe(plan: IngestPlan, results: list[ShardResult]) -> Split:
    clips = [count for result in results for count in result.clips]
    sizes = [len(head.label_names) for head in plan.heads]
    labels = np.array([count.label for count in clips], int)
    return Split(
        shards=tuple(result.shard for result in results),
        clips_per_label=tuple(
            number
            for column, size in zip(
                labels.reshape(-1, len(sizes)).T, sizes, strict=True
            )
            for number in np.bincount(column, minlength=size).tolist()
        ),
        statistics={
            name: _range([getattr(count, name) for count in clips])
            for name in ("frames", "duration", "frame_rate")
        },
    )


def _range(values):
    if not values:
        return dict.fromkeys(("min", "median", "max"), 0.0)
    return {
        "min": float(min(values)),
        "median": float(np.median(values)),
        "max": float(max(values)),
    }
