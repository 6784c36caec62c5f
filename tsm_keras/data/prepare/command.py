"""Converts a collection of videos into a data set that is fast to train on.

tsm prepare --source=VIDEOS --to=DATASET

VIDEOS has one folder per class, or train/, val/ and test/ that contain such
folders; docs/data.md shows the other formats. DATASET receives shards of JPEG
frames, labels.txt, dataset.json and rejected.csv, which lists every clip that
could not be read. To continue an interrupted run, run the same command again.

With --runner the work is done by an Apache Beam pipeline, which needs
tsm-keras[beam]. Arguments after `--` are passed to Beam:

tsm prepare --source=VIDEOS --to=DATASET --runner=DirectRunner --
    --direct_num_workers=4 --direct_running_mode=multi_processing
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_keras.command_flags import define_groups, expect_values
from tsm_keras.data.augment.flip_pairs import (
    flip_pairs_of_heads,
    parse_flip_pairs,
)
from tsm_keras.data.prepare.collections.formats import FORMATS
from tsm_keras.data.prepare.plan import IngestPlan
from tsm_keras.data.prepare.prepare import plan_dataset
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import (
    BROKEN_FILE,
    REJECTED_FILE,
    SPLITS,
    PreparedDataset,
)
from tsm_keras.progress import progress_bar

FLAGS = flags.FlagValues()
_IMAGES = ImageSettings()
# The flags that are arguments of `plan_dataset` under the same names.
_OPTIONS = (
    *("source_format", "lists", "fold", "frame_pattern", "frame_rate", "limit"),
    *("val_fraction", "test_fraction", "group_regex", "seed"),
    *("name", "clips_per_shard"),
)


_TEXT, _NUMBER = flags.DEFINE_string, flags.DEFINE_integer
_FLOAT, _BOOLEAN = flags.DEFINE_float, flags.DEFINE_boolean
define_groups(
    FLAGS,
    __name__,
    {
        "source": (
            ("source", _TEXT, None, "Folder of the videos."),
            (
                "source_format",
                _TEXT,
                "class_folders",
                "Format of the source: one of " + ", ".join(FORMATS) + ".",
            ),
            (
                "lists",
                _TEXT,
                None,
                "List file, or folder of list files, if they are not in the "
                "source.",
            ),
            (
                "fold",
                _NUMBER,
                1,
                "Official fold of UCF101 or HMDB51: 1, 2 or 3.",
            ),
            (
                "frame_pattern",
                _TEXT,
                None,
                "Names of extracted frames, such as img_%05d.jpg.",
            ),
            (
                "frame_rate",
                _FLOAT,
                None,
                "Number of extracted frames per second of video.",
            ),
            (
                "limit",
                _NUMBER,
                None,
                "Take only this many clips, chosen at random.",
            ),
        ),
        "split": (
            (
                "val_fraction",
                _FLOAT,
                None,
                "Share of the clips to draw for validation. (default: 0.1 if "
                "the source has no splits)",
            ),
            (
                "test_fraction",
                _FLOAT,
                None,
                "Share of the clips to draw for the test. (default: 0.1 if the "
                "source has no splits)",
            ),
            (
                "group_regex",
                _TEXT,
                None,
                "Regular expression; clips in whose paths it matches the same "
                "text, such as a person's name, go into the same split.",
            ),
            (
                "seed",
                _NUMBER,
                0,
                "Seed of the order of clips and of the splits.",
            ),
        ),
        "output": (
            ("to", _TEXT, None, "Folder to write."),
            (
                "name",
                _TEXT,
                None,
                "Name of the data set. (default: that of the folder)",
            ),
            (
                "flip_pairs",
                _TEXT,
                "auto",
                "Pairs of classes that change into each other when a clip is "
                "mirrored, such as left:right,a:b. auto finds them by name; "
                "none forbids mirroring.",
            ),
            (
                "size",
                _NUMBER,
                _IMAGES.short_side,
                "Short side of the stored frames, in pixels.",
            ),
            (
                "quality",
                _NUMBER,
                _IMAGES.quality,
                "JPEG quality, from 1 to 100.",
            ),
            (
                "max_frame_rate",
                _FLOAT,
                _IMAGES.max_frame_rate,
                "Largest number of frames to store per second of video.",
            ),
            (
                "clips_per_shard",
                _NUMBER,
                32,
                "Largest number of clips per shard.",
            ),
        ),
        "run": (
            (
                "workers",
                _NUMBER,
                None,
                "Number of processes that decode videos; not with --runner. "
                "(default: one per CPU)",
            ),
            (
                "exclude",
                _TEXT,
                None,
                "Text file with one path per line, as in rejected.csv: clips "
                "that must not be read. It may be given when an interrupted "
                "run is continued.",
            ),
            (
                "dry_run",
                _BOOLEAN,
                False,
                "Show the plan and write nothing.",
            ),
            ("runner", _TEXT, None, "Runner of Apache Beam to use."),
        ),
    },
)


def main(arguments: Sequence[str]) -> None:
    """Writes the data set.

    Raises:
        flags.Error: If a required flag is missing, or there are positional
            arguments without --runner.
        ImportError: If --runner is given and Beam is not installed.
        ValueError, OSError: If the source or a setting is wrong, or a file
            cannot be read or written.
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
            "`workers` must not be given with --runner: set the number of "
            "workers by Beam's own flags, after `--`. "
            f"Received: workers={FLAGS.workers}, runner={FLAGS.runner!r}"
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
    flip_pairs: str | tuple[tuple[str, str], ...] | None = FLAGS.flip_pairs
    if FLAGS.flip_pairs == "none":
        flip_pairs = None
    elif FLAGS.flip_pairs != "auto":
        flip_pairs = parse_flip_pairs(FLAGS.flip_pairs)
    plan = plan_dataset(
        FLAGS.source,
        # Settings are checked before the collection is searched.
        images=ImageSettings(FLAGS.size, FLAGS.quality, FLAGS.max_frame_rate),
        flip_pairs=flip_pairs,
        exclude=_excluded(),
        **{name: FLAGS[name].value for name in _OPTIONS},
    )
    if plan.left_out:
        print(f"left out: {plan.left_out}")
    _, alone = flip_pairs_of_heads([head.label_names for head in plan.heads])
    if flip_pairs == "auto" and alone:
        print(
            f"Clips will not be mirrored: no class is the mirror image of "
            f"{alone[0]!r}. Use --flip_pairs to name pairs yourself."
        )
    return plan


def _excluded() -> list[str]:
    if FLAGS.exclude is None:
        return []
    text = pathlib.Path(FLAGS.exclude).read_text("utf-8", "surrogateescape")
    return [line for line in text.split("\n") if line]


def _show(plan: IngestPlan) -> None:
    names = [name for head in plan.heads for name in head.label_names]
    width = max(len(name) for name in names)
    for place, head in enumerate(plan.heads):
        counts = plan.counts(place)
        title = f"{head.name:{width}}"
        print(title + "".join(f"{split:>8}" for split in SPLITS))
        for label in head.label_names:
            row = "".join(f"{counts[split][label]:8}" for split in SPLITS)
            print(f"{label:{width}}{row}")
    clips = plan.clips_per_split()
    row = "".join(f"{clips[split]:8}" for split in SPLITS)
    print(f"{'all':{width}}{row}    in {len(plan.shards)} shards")
    if empty := [split for split in SPLITS if not clips[split]]:
        print(f"no clips for: {', '.join(empty)}")
    for first, second in plan.flip_pairs or ():
        print(f"mirrored, {first} is {second}")
    if plan.rejected:
        print(
            f"{len(plan.rejected)} clips are missing or not files, the first: "
            f"{': '.join(plan.rejected[0])}"
        )


def _report(dataset: PreparedDataset) -> None:
    clips = sum(split.clips for split in dataset.splits.values())
    frames = sum(split.frames for split in dataset.splits.values())
    print(f"wrote {clips} clips, {frames} frames, to {dataset.folder}")
    if dataset.boxes:
        _report_boxes(dataset)
    for name, split in dataset.splits.items():
        labels = [
            f"{head.name} {label}".strip()
            for head in dataset.heads
            for label in head.label_names
        ]
        empty = [
            label
            for label, count in zip(labels, split.clips_per_label, strict=True)
            if not count
        ]
        if empty:
            print(f"no {name} clips of: {', '.join(empty)}")
    if dataset.rejected:
        print(
            f"left out {dataset.rejected} clips: see "
            f"{dataset.folder / REJECTED_FILE}"
        )


def _report_boxes(dataset):
    boxes = dataset.boxes
    print(
        f"wrote {boxes.stored} boxes; {boxes.clipped} of them were cut at the "
        f"edge of their frame, and {boxes.ignored} are ignored in training and "
        "evaluation"
    )
    if boxes.broken:
        reasons = ", ".join(
            f"{count} ({reason})" for reason, count in boxes.broken.items()
        )
        print(f"left out boxes: {reasons}: see {dataset.folder / BROKEN_FILE}")
