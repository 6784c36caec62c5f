"""ingest_with_beam: writes a prepared data set by an Apache Beam pipeline.

Clips are encoded and shards are written as by `ingest`; Beam only distributes
shards to workers. The unit of work is a shard, not a clip, so that no frames
are sent between workers and a repeated attempt writes the same file again.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from tsm_keras.data.prepare.dataset_folder import finish, unfinished_shards
from tsm_keras.data.prepare.isolated_process import IsolatedProcess
from tsm_keras.data.prepare.plan import IngestPlan, PlannedShard
from tsm_keras.data.prepare.shards import finished_shards
from tsm_keras.data.prepare.workers import (
    TIME_LIMIT,
    write_alone,
    write_isolated,
)
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.prepared_dataset import PreparedDataset

_LOOK_AFTER = 2.0  # Seconds between two checks of which shards are finished.


def ingest_with_beam(
    plan: IngestPlan,
    folder: str | os.PathLike,
    options: Sequence[str] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedDataset:
    """Writes a prepared data set, or continues one, as `ingest` does.

    Shards for which a worker has too little memory are written here, after all
    others and one by one. A clip that needs too much even then is rejected.

    Args:
        plan: The plan, from `make_plan`.
        folder: The folder to write. All workers must see it, and the videos,
            under the same path.
        options: Options of Beam, such as `--runner=DirectRunner`.
        progress: Called with the number of clips in finished shards and of all
            clips.

    Raises:
        ImportError: If Beam is not installed.
        FileExistsError, ValueError, OSError: As in `ingest`.
        ValueError: If an option of Beam is wrong.
    """
    # Wrong options are refused here, before anything is written.
    pipeline = _pipeline(options)
    import apache_beam as beam

    folder = local_folder(folder).resolve()
    # Workers may run on other machines, and need no shards but their own.
    settings = dataclasses.replace(
        plan.without_clips(), root=plan.root.resolve()
    )
    with unfinished_shards(plan, folder) as shards:
        with _shown(plan, folder, progress):
            with pipeline:
                _ = (
                    pipeline
                    | "Shards" >> beam.Create(shards)
                    | "Spread" >> beam.Reshuffle()
                    | "Write" >> beam.Map(_write, settings, folder)
                )
            finished = finished_shards(folder)
            large = [shard for shard in shards if shard.file not in finished]
            write_alone(settings, large, folder)
        return finish(plan, folder)


def check_options(options: Sequence[str]) -> None:
    """Checks options of Beam, which itself ignores unknown ones.

    Args:
        options: As in `ingest_with_beam`.

    Raises:
        ImportError: If Beam is not installed.
        ValueError: If an option is unknown or its value is wrong.
    """
    _pipeline(options)


def _pipeline(options):
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ImportError(
            'A runner needs Apache Beam: pip install "tsm-keras[beam]"'
        ) from error
    parser = _OptionParser(
        allow_abbrev=False,
        add_help=False,
        conflict_handler="resolve",  # A notebook may define a class twice.
    )
    # Beam itself finds all options in this way.
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(options))
    if unknown:
        raise ValueError(
            "Arguments after `--` must be options of Apache Beam. "
            f"Received: {' '.join(unknown)}"
        )
    return beam.Pipeline(options=PipelineOptions(list(options)))


class _OptionParser(argparse.ArgumentParser):
    """Parses options of Beam; an error is one line instead of the usage."""

    def add_value_provider_argument(self, *names: str, **kwargs: Any) -> None:
        self.add_argument(*names, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"Apache Beam's options are wrong: {message}")


@contextlib.contextmanager
def _shown(plan, folder, progress) -> Iterator[None]:
    """Reports the number of clips in finished shards until the context ends."""
    ended = threading.Event()

    def look():
        while progress:
            last = ended.is_set()
            finished = finished_shards(folder)
            clips = [len(x.clips) for x in plan.shards if x.file in finished]
            progress(sum(clips), plan.num_clips)
            if last:
                return
            ended.wait(_LOOK_AFTER)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _write(
    shard: PlannedShard, settings: IngestPlan, folder: pathlib.Path
) -> str:
    with (
        contextlib.closing(IsolatedProcess(TIME_LIMIT)) as process,
        contextlib.suppress(MemoryError),  # The shard is written at the end.
    ):
        write_isolated(process, settings, shard, folder, alone=False)
    return shard.file
