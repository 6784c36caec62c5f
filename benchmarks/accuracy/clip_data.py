"""Shared by benchmarks of accuracy: generated gestures or the real actions.

The flags that choose the data are defined here.
"""

import pathlib

from absl import app, flags

from benchmarks.accuracy.action_clips import prepare_actions
from benchmarks.accuracy.gesture_streams import gestures, gestures_in_memory
from tsm_keras.data.readers.clip_reader import ClipReader, open_clips

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "data_set", None, ["gestures", "actions"], "What to train on."
)
flags.DEFINE_string("actions", None, "Folder of the clips and manifest.csv.")
flags.DEFINE_string("data", None, "Folder that keeps the clips as prepared.")
flags.DEFINE_integer("training_clips", 100, "Training gestures per class.")
flags.DEFINE_integer("test_clips", 25, "Test gestures per class.")
flags.mark_flag_as_required("data_set")


def amount() -> dict[str, str | int]:
    """Returns which data and how many, which every line records."""
    if FLAGS.data_set == "actions":
        return {"data_set": "actions"}
    return {
        "data_set": "gestures",
        "training_clips": FLAGS.training_clips,
        "test_clips": FLAGS.test_clips,
    }


def prepare(data: str, *, image_size: int) -> str:
    """Returns the folder of the clips, which are written unless they exist.

    Args:
        data: The folder that keeps them.
        image_size: Height and width of the frames of the networks. Gestures
            are written in their own size.
    """
    if FLAGS.data_set == "gestures":
        gestures(
            data,
            training_clips=FLAGS.training_clips,
            test_clips=FLAGS.test_clips,
        )
        return data
    if not FLAGS.actions:
        raise app.UsageError("--actions must name the folder of clips.")
    return prepare_actions(
        pathlib.Path(FLAGS.actions),
        data,
        image_size=image_size,
        split="session",
    )


def readers(data: str, job: dict) -> tuple[ClipReader, ClipReader]:
    """Returns the training clips and the test clips, kept in memory.

    Args:
        data: The folder of `prepare`.
        job: A job with the fields of `amount`.
    """
    if job["data_set"] == "gestures":
        _, training, test = gestures_in_memory(
            data, job["training_clips"], job["test_clips"]
        )
        return training, test
    return tuple(
        open_clips(data, split, cache=True) for split in ("train", "test")
    )
