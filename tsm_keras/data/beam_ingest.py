"""ingest_with_beam: the same shards, written by an Apache Beam pipeline.

The plan, the work on a clip and the writing of a shard are those of `ingest`;
Beam's part is to hand out shards to machines. A shard is the unit of work, not
a clip: so no frame travels between workers, and one that is tried again is the
same file again.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Sequence

from tsm_keras.data.ingest import encode_in_order
from tsm_keras.data.plan import IngestPlan, PlannedShard
from tsm_keras.data.preparation import finish, unfinished_shards
from tsm_keras.data.prepared import PreparedDataset
from tsm_keras.data.shards import write_shard


def ingest_with_beam(
    plan: IngestPlan, folder: str | os.PathLike, options: Sequence[str] = ()
) -> PreparedDataset:
    """Writes a prepared data set, or finishes one, as `ingest` does.

    Args:
        plan: From `make_plan`.
        folder: Where to. All workers must see it, and the videos, under the
            same path.
        options: Beam's, as `--runner=DirectRunner`.

    Raises:
        ImportError: If Beam is not installed.
        FileExistsError, ValueError: See `ingest`.
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ImportError(
            'Apache Beam is needed for a runner: pip install "tsm-keras[beam]"'
        ) from error
    folder = pathlib.Path(folder).resolve()
    # Workers may run elsewhere, and need not know of shards but their own.
    settings = dataclasses.replace(
        plan, root=plan.root.resolve(), shards=(), rejected=()
    )
    with unfinished_shards(plan, folder) as shards:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            _ = (
                pipeline
                | "Shards" >> beam.Create(shards)
                | "Spread" >> beam.Reshuffle()
                | "Write" >> beam.Map(_write, settings, folder)
            )
        return finish(plan, folder)


def _write(
    shard: PlannedShard, settings: IngestPlan, folder: pathlib.Path
) -> str:
    encoded = encode_in_order(settings, shard.clips, workers=1)
    with contextlib.closing(encoded):
        write_shard(settings, shard, encoded, folder)
    return shard.file
