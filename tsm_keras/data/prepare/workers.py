"""ingest: writes the prepared data set of a plan, with several processes."""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import queue
import threading
from collections.abc import Callable, Sequence

from tsm_keras.data.prepare.clip_encoding import try_encode_clip
from tsm_keras.data.prepare.dataset_folder import finish, unfinished_shards
from tsm_keras.data.prepare.isolated_process import (
    IsolatedProcess,
    ProcessDiedError,
    ProcessKilledError,
)
from tsm_keras.data.prepare.plan import IngestPlan, PlannedShard
from tsm_keras.data.prepare.shards import finished_shards, write_shard
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.prepared_dataset import PreparedDataset

TIME_LIMIT = 600.0  # Seconds to decode a clip; some files would never end.
_NEEDS_MEMORY = "it takes more memory than there is, even when read alone"


def ingest(
    plan: IngestPlan,
    folder: str | os.PathLike,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedDataset:
    """Writes a prepared data set, or continues one that was begun.

    Clips that cannot be decoded, that crash the decoder or that need more
    memory than there is are left out and listed in `rejected.csv`.

    Args:
        plan: The plan, from `make_plan`.
        folder: The folder to write. It is new, empty, or begun with the same
            plan.
        workers: The number of processes that write shards; None for one per
            CPU.
        progress: Called with the number of clips done and of all clips.

    Raises:
        FileExistsError: If the folder is finished or has other content.
        ValueError: If the folder was begun with another plan, or no clip can
            be read.
        BlockingIOError: If another process is at work in the folder.
        OSError: If a source cannot be read or the disk is full. Finished
            shards are kept, and the next call continues after them.
    """
    folder = local_folder(folder)
    with unfinished_shards(plan, folder) as shards:
        try:
            _write(plan, shards, folder, workers, progress)
        except OSError as error:
            raise OSError(
                f"{error}. {len(finished_shards(folder))} of "
                f"{len(plan.shards)} shards are finished. Fix the cause, or "
                "leave a clip out with --exclude, and run the same command "
                "again to continue."
            ) from error
        return finish(plan, folder)


def _write(plan, shards, folder, workers, progress):
    """Writes shards in several processes, and those that need memory alone."""
    total = plan.num_clips
    done = total - sum(len(shard.clips) for shard in shards)
    counts: collections.Counter[str] = collections.Counter()
    if progress:
        progress(done, total)

    def show(file, clips):
        nonlocal done
        if clips > counts[file]:  # It is not begun again after a crash.
            counts[file], done = clips, done + 1
            if progress:
                progress(done, total)

    settings = plan.without_clips()

    def write(process, shard, on_clip):
        write_isolated(
            process,
            settings,
            shard,
            folder,
            alone=False,
            on_clip=on_clip,
        )

    workers = min(workers or os.cpu_count() or 1, max(len(shards), 1))
    large = _write_in_parallel(write, shards, workers, show)
    write_alone(settings, large, folder, on_clip=show)


def _write_in_parallel(
    write: Callable[..., None],
    shards: Sequence[PlannedShard],
    workers: int,
    show: Callable[[str, int], None],
) -> list[PlannedShard]:
    """Writes shards; returns those for which there was too little memory.

    After an error no shard is begun, and those that are begun are finished.
    """
    waiting, large = collections.deque(shards), []
    processes = [IsolatedProcess(TIME_LIMIT) for _ in range(workers)]
    # What the threads tell this one: clips that are done, or None at the end.
    news: queue.SimpleQueue[tuple[str, int] | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def work(process):
        try:
            while not stopped.is_set():
                try:
                    shard = waiting.popleft()
                except IndexError:
                    return
                try:
                    write(process, shard, lambda *clip: news.put(clip))
                except MemoryError:
                    large.append(shard)
        except BaseException:
            stopped.set()
            raise
        finally:
            news.put(None)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, process) for process in processes]
        try:
            left = workers
            while left:
                if (clip := news.get()) is None:
                    left -= 1
                else:
                    show(*clip)
        finally:  # Ctrl-C arrives here too, and does not wait for the shards.
            stopped.set()
            for process in processes:
                process.close()
    for future in running:
        future.result()
    return large


def write_alone(
    plan: IngestPlan,
    shards: Sequence[PlannedShard],
    folder: pathlib.Path,
    *,
    on_clip: Callable[[str, int], object] | None = None,
) -> None:
    """Writes shards for which there was too little memory, one by one.

    A clip for which there is still too little memory is rejected.

    Args:
        plan: As in `write_isolated`.
        shards: The shards.
        folder: As in `write_isolated`.
        on_clip: As in `write_isolated`.

    Raises:
        OSError: As in `write_shard`.
    """
    with contextlib.closing(IsolatedProcess(TIME_LIMIT)) as process:
        for shard in shards:
            write_isolated(
                process, plan, shard, folder, alone=True, on_clip=on_clip
            )


def write_isolated(
    process: IsolatedProcess,
    plan: IngestPlan,
    shard: PlannedShard,
    folder: pathlib.Path,
    *,
    alone: bool,
    on_clip: Callable[[str, int], object] | None = None,
) -> None:
    """Writes a shard in another process.

    After a crash the shard is begun again without the clip that caused it.

    Args:
        process: The process.
        plan: The plan; its shards are not used.
        shard: The shard to write.
        folder: Folder of the data set.
        alone: Whether no other process competes for the memory. A clip for
            which there is too little memory is then rejected.
        on_clip: Called with the name of the shard and the number of its clips
            that are done.

    Raises:
        MemoryError: If there is too little memory and `alone` is False.
        OSError: As in `write_shard`.
    """
    left_out = {
        place: "it is excluded"
        for place, clip in enumerate(shard.clips)
        if clip.path in plan.exclude
    }
    while True:
        done = 0

        def count(_):
            nonlocal done
            done += 1
            if on_clip:
                on_clip(shard.file, done)

        try:
            process.call(
                *(write_shard, plan, shard, folder, try_encode_clip, left_out),
                on_item=count,
            )
            return
        except (MemoryError, ProcessKilledError) as error:
            if not alone:
                raise MemoryError(*error.args) from error
            reason = _NEEDS_MEMORY
        except ProcessDiedError as error:
            reason = f"the decoder {error}"
        if done in left_out or done == len(shard.clips):
            raise RuntimeError(
                f"The process that wrote {shard.file} ended, and no clip is "
                f"the cause: {reason}"
            )
        left_out[done] = reason
