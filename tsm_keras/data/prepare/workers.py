"""ingest: writes the prepared data set of a plan, with several processes."""

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

_TIME_LIMIT = 600.0  # Seconds to decode a clip; some files would never end.


def ingest(
    plan: IngestPlan,
    folder: str | os.PathLike,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedDataset:
    """Writes a prepared data set, or continues one that was begun.

    Clips that cannot be decoded, or that crash the decoder, are left out and
    listed in `rejected.csv`.

    Args:
        plan: The plan, from `make_plan`.
        folder: The folder to write. It is new, empty, or begun with the same
            plan.
        workers: The number of processes that decode; None for one per CPU.
        progress: Called with the number of clips done and of all clips.

    Raises:
        FileExistsError: If the folder is finished or has other content.
        ValueError: If the folder was begun with another plan, or no clip can
            be read.
        BlockingIOError: If another process is at work in the folder.
        OSError: If a source cannot be read, the disk is full or memory is
            short. Finished shards are kept, and the next call continues after
            them.
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
                    f"{reason}. {total - left} of {total} shards are finished. "
                    "Fix the cause and run the same command again to continue."
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

    Args:
        plan: The plan that the clips belong to.
        sources: The clips to encode.
        workers: The number of processes.

    Raises:
        MemoryError: If a worker is killed, as for lack of memory.
        OSError: If a source cannot be read for a reason such as a failing
            disk, which does not mean that the video is damaged.
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
                f"The process that read {source.path} was killed, probably for "
                "lack of memory; fewer workers need less"
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
            # This is far enough ahead that one long clip does not stop others.
            if len(pending) > 3 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.close()
