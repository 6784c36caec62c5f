"""ingest: a plan becomes a prepared data set, decoded by many processes."""

import collections
import concurrent.futures
import itertools
import os
import pathlib
import queue
from collections.abc import Callable, Generator, Iterable

from tsm_keras.data.clip_encoding import (
    EncodedClip,
    Rejected,
    try_encode_clip,
)
from tsm_keras.data.isolated_process import IsolatedProcess, ProcessDiedError
from tsm_keras.data.plan import IngestPlan
from tsm_keras.data.preparation import begin, finish
from tsm_keras.data.prepared import PreparedDataset
from tsm_keras.data.shards import read_result, write_shard
from tsm_keras.data.sources.collection import ClipSource

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
        OSError: If a source cannot be read or the disk is full. What is
            finished stays, and the next call goes on from there.
    """
    folder = pathlib.Path(folder)
    unfinished = begin(plan, folder)
    done = plan.num_clips - sum(len(shard.clips) for shard in unfinished)
    if progress:
        progress(done, plan.num_clips)

    def counted(results):
        nonlocal done
        for result in results:
            done += 1
            if progress:
                progress(done, plan.num_clips)
            yield result

    sources = (clip for shard in unfinished for clip in shard.clips)
    results = encode_in_order(plan, sources, workers or os.cpu_count() or 1)
    try:
        for shard in unfinished:
            of_shard = itertools.islice(results, len(shard.clips))
            write_shard(plan, shard, counted(of_shard), folder)
    except OSError as error:
        left = sum(read_result(folder, shard) is None for shard in plan.shards)
        raise OSError(
            f"{error}. {len(plan.shards) - left} of {len(plan.shards)} shards "
            "are finished: mend it and run the same again to go on."
        ) from error
    finally:
        results.close()
    return finish(plan, folder)


def encode_in_order(
    plan: IngestPlan, sources: Iterable[ClipSource], workers: int
) -> Generator[EncodedClip | Rejected, None, None]:
    """Encodes clips in other processes; yields the results in order.

    Raises:
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
