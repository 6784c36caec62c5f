"""plan_dataset, prepare: what `tsm prepare` does, as functions."""

import os
from collections.abc import Callable
from typing import Any

from tsm_keras.data.augment.flip_pairs import flip_pairs_of_heads
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import IngestPlan, make_plan
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.prepared_dataset import PreparedDataset


def plan_dataset(
    source: str | os.PathLike,
    source_format: str = "class_folders",
    *,
    lists: str | os.PathLike | None = None,
    fold: int = 1,
    frame_pattern: str | None = None,
    frame_rate: float | None = None,
    flip_pairs: str | tuple[tuple[str, str], ...] | None = "auto",
    **options: Any,
) -> IngestPlan:
    """Lists the clips of a collection and plans their shards.

    No video is opened and nothing is written.

    Args:
        source: The folder of the videos.
        source_format: The format of the collection, such as
            `"class_folders"`, `"csv"` or `"jester"`; see docs/data.md.
        lists: The list file, or the folder of list files; None for `source`.
        fold: The official fold of UCF101 or HMDB51.
        frame_pattern: The names of extracted frames, such as `img_%05d.jpg`.
        frame_rate: The frames per second of extracted frames.
        flip_pairs: The pairs of classes that change into each other when a
            clip is mirrored. `"auto"` finds them by name; None forbids
            mirroring.
        **options: Further arguments of `make_plan`, such as `val_fraction`,
            `group_regex`, `seed`, `limit`, `images` and `exclude`.

    Returns:
        The plan. Its `counts()` are the clips of each class in each split.

    Raises:
        ValueError, OSError: If the source or a setting is wrong.
    """
    collection = read_collection(
        source_format,
        SourceOptions(
            root=local_folder(source),
            lists=local_folder(lists) if lists else None,
            fold=fold,
            frame_pattern=frame_pattern,
            frame_rate=frame_rate,
        ),
    )
    pairs = None if isinstance(flip_pairs, str) else flip_pairs
    if flip_pairs == "auto":
        found, alone = flip_pairs_of_heads(
            [head.label_names for head in collection.heads]
        )
        pairs = None if alone else found
    return make_plan(collection, flip_pairs=pairs, **options)


def prepare(
    source: str | os.PathLike,
    to: str | os.PathLike,
    source_format: str = "class_folders",
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> PreparedDataset:
    """Converts a collection of videos into a data set that is fast to read.

        dataset = tsm_keras.prepare("videos", "datasets/mine", val_fraction=0.2)

    An interrupted call can be repeated and continues after the shards that are
    finished.

    Args:
        source: The folder of the videos.
        to: The folder to write.
        source_format: As in `plan_dataset`.
        workers: The number of processes that decode; None for one per CPU.
        progress: A function that is called with the number of clips done and
            of all clips.
        **options: Further arguments of `plan_dataset`.

    Returns:
        The data set. Its `rejected` is the number of clips that could not be
        read; `rejected.csv` lists them.

    Raises:
        ValueError, OSError: If the source or a setting is wrong, or a file
            cannot be read or written.
    """
    plan = plan_dataset(source, source_format, **options)
    return ingest(plan, to, workers=workers, progress=progress)
