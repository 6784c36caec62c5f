"""Draws clips of a data set as training sees them.

tsm data show DATASET --to=sheet.html

DATASET is a prepared data set, or a folder of class folders with videos. The
sheet, PNG or HTML, shows clips after sampling and augmentation with their
classes, and the number of clips of each class.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
from absl import flags

from tsm_keras.atomic_file import atomic_file
from tsm_keras.command_flags import define_groups, expect_values
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.flag_rows import FLIP_PAIRS, MAX_BAD_FRACTION
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.flags import configs_from_flags, define_flags
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.readers.clip_reader import ClipReader, open_clips
from tsm_keras.evaluation.data_sheet import data_sheet
from tsm_keras.evaluation.report import write_report
from tsm_keras.models.config import ClipConfig, ClipFormat, InputConfig

FLAGS = flags.FlagValues()


_INTEGER = flags.DEFINE_integer
define_groups(
    FLAGS,
    __name__,
    {
        "data": (
            (
                "split",
                flags.DEFINE_string,
                "train",
                "Split of the data set.",
            ),
            MAX_BAD_FRACTION,
            FLIP_PAIRS,
        ),
        "output": (
            ("to", flags.DEFINE_string, None, ".png or .html file to write."),
            (
                "clips",
                _INTEGER,
                12,
                "Number of clips to show.",
                {"lower_bound": 1},
            ),
            ("size", _INTEGER, 224, "Side of the clips in pixels."),
            ("segments", _INTEGER, 8, "Frames per clip."),
            (
                "seed",
                _INTEGER,
                0,
                "Seed of all draws.",
                {"lower_bound": 0},
            ),
            (
                "training",
                flags.DEFINE_boolean,
                True,
                "Sample at random and augment; --notraining shows clips as "
                "evaluation sees them.",
            ),
        ),
    },
)
define_flags(FLAGS, __name__)


def main(arguments: Sequence[str]) -> None:
    """Writes the sheet.

    Raises:
        flags.Error: If the command line is not `show DATASET --to=FILE`.
        ValueError, OSError: If the data or a setting is wrong.
    """
    if len(arguments) != 2 or arguments[0] != "show":
        raise flags.Error("expected: tsm data show DATASET --to=FILE")
    expect_values(FLAGS, "to")
    path = pathlib.Path(FLAGS.to)
    if path.suffix not in (".png", ".html"):
        raise ValueError(f"--to must end in .png or .html. Received: {path}")
    configs = configs_from_flags(FLAGS)
    # Settings are checked before any video is read.
    frames = InputConfig(FLAGS.size)
    ClipConfig(FLAGS.segments)
    clips = open_clips(
        arguments[1],
        FLAGS.split,
        max_bad_fraction=FLAGS.max_bad_fraction,
        flip_pairs=FLAGS.flip_pairs,
        verbose=True,
    )
    drawn, titles = _draw(clips, frames, *configs)
    counts = _counts(clips)
    sheet = data_sheet(drawn, titles, [*counts.values()], [*counts])
    if path.suffix == ".png":
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            temporary.write_bytes(sheet)
    else:
        _write_page(path, clips, sheet)
    print(f"wrote {path}")


def _draw(
    clips: ClipReader,
    frames: InputConfig,
    sampling: SamplingConfig,
    augmentation: AugmentationConfig,
) -> tuple[np.ndarray, list[str]]:
    """Returns `[N, T, S, S, 3]` uint8 clips and a title for each."""
    interval = clips.frame_interval(FLAGS.segments)
    clip_format = ClipFormat(frames, ClipConfig(FLAGS.segments, interval))
    mixes = FLAGS.training and augmentation.mixes
    dataset = make_dataset(
        clips,
        clip_format,
        batch_size=_mixed_batch_size(clips.num_clips) if mixes else 1,
        training=FLAGS.training,
        seed=FLAGS.seed,
        sampling=sampling,
        augmentation=augmentation,
    )
    shown = dataset.unbatch().take(FLAGS.clips).as_numpy_iterator()
    drawn, labels = zip(*shown, strict=True)
    return np.stack(drawn), [_title(clips.heads, label) for label in labels]


def _mixed_batch_size(num_clips):
    """Returns a batch size for MixUp and CutMix that shows enough clips.

    Training leaves out clips that do not fill a batch, and large batches take
    much memory.
    """
    shown = min(FLAGS.clips, num_clips)
    for size in range(8, 1, -1):
        if num_clips - num_clips % size >= shown:
            return size
    return num_clips  # All clips are shown, and 2 to 8 do not divide them.


def _title(heads, labels):
    parts = labels.values() if isinstance(labels, dict) else [labels]
    return ", ".join(map(_class, heads, parts))


def _class(head, label):
    """Returns the name of a class, or of the classes of a mixed clip."""
    if label.ndim == 0:
        return head.label_names[label]
    return " + ".join(
        f"{label[number]:.0%} {head.label_names[number]}"
        for number in np.flatnonzero(label)
    )


def _counts(clips):
    """Returns the number of clips of each class, and of each head."""
    return {
        f"{head.name}: {label}" if head.name else label: count
        for head in clips.heads
        for label, count in zip(
            head.label_names, head.clips_per_label, strict=True
        )
    }


def _write_page(path, clips, sheet):
    counts = _counts(clips)
    write_report(
        path,
        title=f"{clips.name}, {FLAGS.split}",
        summary=(
            f"{clips.num_clips} clips of {len(counts)} classes. Clips are "
            f"shown as {'training' if FLAGS.training else 'evaluation'} sees "
            "them."
        ),
        header=("class", "clips", "share"),
        rows=[
            (name, count, f"{count / clips.num_clips:.1%}")
            for name, count in counts.items()
        ],
        pictures=[("Clips, and the number of clips of each class.", sheet)],
        notes=[f"Seed {FLAGS.seed}."],
    )
