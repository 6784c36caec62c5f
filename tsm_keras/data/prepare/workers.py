"""ingest: a plan becomes a prepared data set, decoded by many processes."""

import collections
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import queue
from collections.abc import Callable, Generator, Iterable

from tsm_keras.data.prepare.clip_encoding import (
    EncodedClip,
    Rejected,
    try_encode_clip,
)
from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.prepare.dataset_folder import finish, unfinished_shards
from tsm_keras.data.prepare.isolated_process import (
    IsolatedProcess,
    ProcessDiedError,
    ProcessKilledError,
)
from tsm_keras.data.prepare.plan import IngestPlan
from tsm_keras.data.prepare.shards import read_result, write_shard
from tsm_keras.data.storage.prepared_dataset import PreparedDataset

_TIME_LIMIT = 600.0  # Seconds a clip may take to decode: some never end.


def ingest(
    plan: IngestPlan,
    folder: str | os.PathLike,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedDataset:
    """Writes a prepared data set, or finishes one that was begun.

    Clips that cannot be decoded, or that crash the decoder, are left out and
    listed in `rejected.csv`.

    Args:
        plan: From `make_plan`.
        folder: Where to; new, empty, or begun with an equal plan.
        workers: Processes that decode; None for one a CPU.
        progress: Called with (clips done, clips in all).

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If it was begun with another plan, or no clip is left.
        OSError: If a source cannot be read, the disk is full, or memory is
            short. What is finished stays, and the next call goes on from
            there.
    """
    folder = pathlib.Path(folder)
    with unfinished_shards(plan, folder) as shards:
        sources = [clip for shard in shards for clip in shard.clips]
        encoded = encode_in_order(plan, sources, workers or os.cpu_count() or 1)
        done = plan.num_clips - len(sources)
        with contextlib.closing(encoded):
            results = _counted(encoded, done, plan.num_clips, progress)
            try:
                for shard in shards:
                    of_shard = itertools.islice(results, len(shard.clips))
                    write_shard(plan, shard, of_shard, folder)
            except (OSError, MemoryError) as error:
                left = sum(not read_result(folder, shard) for shard in shards)
                total = len(plan.shards)
                reason = str(error) or "There is too little memory"
                raise OSError(
                    f"{reason}. {total - left} of {total} shards are finished: "
                    "mend it and run the same again to go on."
                ) from error
        return finish(plan, folder)


def _counted(results, done, total, progress):
    if progress:
        progress(done, total)
    for result in results:
        done += 1
        if progress:
            progress(done, total)
        yield result


def encode_in_order(
    plan: IngestPlan, sources: Iterable[ClipSource], workers: int
) -> Generator[EncodedClip | Rejected, None, None]:
    """Encodes clips in other processes; yields the results in order.

    Raises:
        MemoryError: If a worker has too little.
        OSError: If a source cannot be read, though it may not be damaged.
    """
    processes = [IsolatedProcess(_TIME_LIMIT) for _ in range(workers)]
    idle: queue.SimpleQueue[IsolatedProcess] = queue.SimpleQueue()
    for process in processes:
        idle.put(process)

    def encode(source):
        process = idle.get()
        try:
            return process.call(try_encode_clip, plan.root, source, plan.images)
        except ProcessKilledError as error:
            raise MemoryError(
                f"The process that read {source.path} was killed, as when "
                "memory is short: fewer workers take less"
            ) from error
        except ProcessDiedError as error:
            return Rejected(f"the decoder {error}")
        finally:
            idle.put(process)

    pool = concurrent.futures.ThreadPoolExecutor(workers)
    pending: collections.deque[concurrent.futures.Future] = collections.deque()
    try:
        for source in sources:
            pending.append(pool.submit(encode, source))
            # Far enough ahead that one long clip does not stop the others.
            if len(pending) > 3 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.close()
