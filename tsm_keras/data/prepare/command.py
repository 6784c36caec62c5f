"""Turns a collection of videos into a data set that trains fast.

tsm prepare --source=VIDEOS --to=DATASET

VIDEOS has one folder a class, or train/, val/ and test/ with such folders in
them; docs/data.md shows the other formats. DATASET gets shards of JPEG frames,
labels.txt, dataset.json and rejected.csv, which names every clip that could
not be read. A run that was cut off goes on when it is started again.

With --runner the work is an Apache Beam pipeline (needs tsm-keras[beam]);
what follows `--` goes to Beam:

tsm prepare --source=VIDEOS --to=DATASET --runner=DirectRunner --
    --direct_num_workers=4 --direct_running_mode=multi_processing
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_keras.data.augment.flip_pairs import find_flip_pairs, parse_flip_pairs
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import FORMATS, read_collection
from tsm_keras.data.prepare.plan import IngestPlan, make_plan
from tsm_keras.data.storage.prepared_dataset import (
    REJECTED_FILE,
    SPLITS,
    ImageSettings,
    PreparedDataset,
)
from tsm_keras.progress import progress_bar
from tsm_keras.required_flags import expect_values

FLAGS = flags.FlagValues()
_IMAGES = ImageSettings()


def _define(kind, name, default, text):
    return kind(name, default, text, flag_values=FLAGS)


_define(flags.DEFINE_string, "source", None, "Folder of the videos.")
_define(flags.DEFINE_string, "to", None, "Folder to write.")
_define(
    flags.DEFINE_string,
    "source_format",
    "class_folders",
    f"One of {', '.join(FORMATS)}.",
)
_define(
    flags.DEFINE_string,
    "lists",
    None,
    "List file, or folder of the list files, if not in the source.",
)
_define(flags.DEFINE_integer, "fold", 1, "Of UCF101 or HMDB51: 1, 2 or 3.")
_define(
    flags.DEFINE_string,
    "frame_pattern",
    None,
    "Names of extracted frames, as img_%05d.jpg.",
)
_define(
    flags.DEFINE_float, "frame_rate", None, "Of extracted frames, a second."
)
_define(flags.DEFINE_string, "name", None, "Of the data set.")
_define(
    flags.DEFINE_float,
    "val_fraction",
    None,
    "To draw for validation: 0.1 if the source has no splits.",
)
_define(
    flags.DEFINE_float,
    "test_fraction",
    None,
    "To draw for the test: 0.1 if the source has no splits.",
)
_define(
    flags.DEFINE_string,
    "group_regex",
    None,
    "What it matches in a path is a group that no two splits share.",
)
_define(flags.DEFINE_integer, "seed", 0, "Of order and splits.")
_define(
    flags.DEFINE_string,
    "flip_pairs",
    "auto",
    "Classes that change when mirrored, as left:right,a:b; auto: by name; "
    "none: never mirror.",
)
_define(
    flags.DEFINE_integer,
    "size",
    _IMAGES.short_side,
    "Short side of stored frames, in pixels.",
)
_define(flags.DEFINE_integer, "quality", _IMAGES.quality, "JPEG's, 1 to 100.")
_define(
    flags.DEFINE_float,
    "max_frame_rate",
    _IMAGES.max_frame_rate,
    "Store at most so many frames a second.",
)
_define(flags.DEFINE_integer, "clips_per_shard", 32, "At most.")
_define(flags.DEFINE_integer, "limit", None, "Take so many clips, at random.")
_define(
    flags.DEFINE_integer,
    "workers",
    None,
    "Processes (default: one a CPU); not with --runner.",
)
_define(flags.DEFINE_boolean, "dry_run", False, "Show the plan; write nothing.")
_define(flags.DEFINE_string, "runner", None, "Of Apache Beam.")


def main(arguments: Sequence[str]) -> None:
    """Writes the data set.

    Raises:
        flags.Error: If there are arguments that are no flags, without Beam, or
            a flag has no value.
        ImportError: If Beam is asked for and not installed.
        ValueError, OSError: If the source or a setting is wrong, a file cannot
            be read or written.
    """
    if arguments and FLAGS.runner is None:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    expect_values(FLAGS, "source", "to")
    if FLAGS.workers is not None and FLAGS.workers < 1:
        raise ValueError(
            f"`workers` must be at least 1. Received: workers={FLAGS.workers}"
        )
    if FLAGS.workers is not None and FLAGS.runner is not None:
        raise ValueError(
            "`workers` is of runs without a runner: Beam's own flags, after "
            f"`--`, say how many. Received: workers={FLAGS.workers}, "
            f"runner={FLAGS.runner!r}"
        )
    if FLAGS.runner is not None:
        from tsm_keras.data.prepare.beam import check_options

        check_options(_beam_options(arguments))
    plan = _plan()
    _show(plan)
    if FLAGS.dry_run:
        return
    with progress_bar(f"preparing {plan.name}", unit="clip") as progress:
        if FLAGS.runner is None:
            from tsm_keras.data.prepare.workers import ingest

            dataset = ingest(
                plan, FLAGS.to, workers=FLAGS.workers, progress=progress
            )
        else:
            from tsm_keras.data.prepare.beam import ingest_with_beam

            dataset = ingest_with_beam(
                plan, FLAGS.to, _beam_options(arguments), progress=progress
            )
    _report(dataset)


def _beam_options(arguments):
    return [f"--runner={FLAGS.runner}", *arguments]


def _plan():
    # Settings are checked before the collection is searched.
    images = ImageSettings(FLAGS.size, FLAGS.quality, FLAGS.max_frame_rate)
    collection = read_collection(
        FLAGS.source_format,
        SourceOptions(
            root=pathlib.Path(FLAGS.source),
            lists=FLAGS.lists and pathlib.Path(FLAGS.lists),
            fold=FLAGS.fold,
            frame_pattern=FLAGS.frame_pattern,
            frame_rate=FLAGS.frame_rate,
        ),
    )
    return make_plan(
        collection,
        name=FLAGS.name,
        images=images,
        flip_pairs=_flip_pairs(collection.label_names),
        val_fraction=FLAGS.val_fraction,
        test_fraction=FLAGS.test_fraction,
        group_regex=FLAGS.group_regex,
        seed=FLAGS.seed,
        clips_per_shard=FLAGS.clips_per_shard,
        limit=FLAGS.limit,
    )


def _flip_pairs(label_names):
    if FLAGS.flip_pairs == "none":
        return None
    if FLAGS.flip_pairs != "auto":
        return parse_flip_pairs(FLAGS.flip_pairs)
    pairs, alone = find_flip_pairs(label_names)
    if alone:
        print(
            f"Clips will not be mirrored: {alone[0]!r} has a side and no class "
            "for the other one. --flip_pairs can say otherwise."
        )
        return None
    return pairs


def _show(plan: IngestPlan) -> None:
    counts = plan.counts()
    width = max(map(len, plan.label_names))
    print(f"{'':{width}}" + "".join(f"{split:>8}" for split in SPLITS))
    for label in plan.label_names:
        row = "".join(f"{counts[split][label]:8}" for split in SPLITS)
        print(f"{label:{width}}{row}")
    row = "".join(f"{counts[split].total():8}" for split in SPLITS)
    print(f"{'all':{width}}{row}    in {len(plan.shards)} shards")
    if empty := [split for split in SPLITS if not counts[split]]:
        print(f"no clips for: {', '.join(empty)}")
    for first, second in plan.flip_pairs or ():
        print(f"mirrored, {first} is {second}")
    if plan.rejected:
        print(
            f"{len(plan.rejected)} clips are not there or no files, the first: "
            f"{': '.join(plan.rejected[0])}"
        )


def _report(dataset: PreparedDataset) -> None:
    clips = sum(split.clips for split in dataset.splits.values())
    frames = sum(split.frames for split in dataset.splits.values())
    print(f"wrote {clips} clips, {frames} frames, to {dataset.folder}")
    for name, split in dataset.splits.items():
        empty = [
            label
            for label, count in zip(
                dataset.label_names, split.clips_per_label, strict=True
            )
            if not count
        ]
        if empty:
            print(f"no {name} clips of: {', '.join(empty)}")
    if dataset.rejected:
        print(
            f"left out {dataset.rejected} clips: see "
            f"{dataset.folder / REJECTED_FILE}"
        )
