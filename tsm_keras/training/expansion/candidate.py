"""train_candidate: trains one network of an expansion, in its own process."""

import dataclasses
import os
import pathlib
import time

import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import save_preset
from tsm_keras.training.config import Recipe
from tsm_keras.training.fit import fit
from tsm_keras.training.objectives.classification import metric_names
from tsm_keras.training.runs.train_in_folder import clip_accuracies


@dataclasses.dataclass(frozen=True)
class CandidateJob:
    """All that a process needs to train a network.

    Attributes:
        config: The network.
        preset: The preset folder to write.
        data: The data set; its split `train` is trained on.
        validation_split: The split that measures the accuracy.
        recipe: The settings of the training.
        cache: Whether to keep the data in memory.
        max_bad_fraction: The share of videos that may be unreadable.
        threads: The number of threads of TensorFlow.
        deterministic: Whether equal jobs give equal results; a GPU is faster
            without.
    """

    config: VideoClassifierConfig
    preset: pathlib.Path
    data: str | os.PathLike[str]
    validation_split: str
    recipe: Recipe
    cache: bool = False
    max_bad_fraction: float = 0.0
    threads: int = 0
    deterministic: bool = True


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a job.

    Attributes:
        top1: The accuracy on the validation split; with several heads, the
            share of clips for which all heads are right.
        seconds: The time that the job took.
    """

    top1: float
    seconds: float


def train_candidate(job: CandidateJob) -> Trained:
    """Trains a network from random weights, tests it and writes its preset.

    The settings of TensorFlow are changed for the whole process.

    Raises:
        ValueError, OSError: If the data or a setting is wrong.
    """
    begin = time.monotonic()
    training = job.recipe.training
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    if job.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(training.seed)
    learning, testing = candidate_data(job)
    model = build_clip_model(job.config)
    validation = testing if training.patience else None
    fit(model, learning, training, validation_data=validation, verbose=0)
    name = metric_names(job.config.heads)[-1]
    top1 = clip_accuracies(model, testing)[name]
    save_preset(
        model,
        job.preset,
        provenance={
            "data": os.fspath(job.data),
            "recipe": training.to_dict(),
            f"val_{name}": top1,
        },
        overwrite=True,
    )
    return Trained(top1, time.monotonic() - begin)


def candidate_data(
    job: CandidateJob,
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns the training clips of a job, and one clip per other video.

    Raises:
        ValueError, OSError: If the data or a setting is wrong.
    """
    learning, testing = (
        make_dataset(
            open_clips(
                job.data,
                split,
                cache=job.cache,
                max_bad_fraction=job.max_bad_fraction,
            ),
            job.config,
            batch_size=job.recipe.training.batch_size,
            training=split == "train",
            seed=job.recipe.training.seed,
            sampling=job.recipe.sampling.one_view(),
            augmentation=job.recipe.augmentation,
        )
        for split in ("train", job.validation_split)
    )
    return learning, testing
