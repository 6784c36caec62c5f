"""Shared by benchmarks that train many networks: jobs that can be resumed."""

import concurrent.futures
import dataclasses
import functools
import json
import multiprocessing
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.fit import TrainingConfig, fit
from tsm_keras.training.recipes import find_recipe
from tsm_keras.training.start_weights import start_from_imagenet

Job = dict[str, Any]


def read_lines(path: pathlib.Path) -> list[Job]:
    """Returns the objects of a file of JSON lines; none if it is missing."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def run_missing(
    path: pathlib.Path,
    jobs: Sequence[Job],
    function: Callable[[Job], Job],
    *,
    workers: int,
) -> None:
    """Runs the jobs that are not in a file yet, and appends their results.

    Args:
        path: The file of results. Each line has the fields of a job and of its
            result.
        jobs: The jobs, in the order in which they begin.
        function: The function that returns the result of a job. It runs in
            another process with one thread, because small networks gain little
            from more.
        workers: The number of processes.
    """
    done = read_lines(path)
    missing = [
        job for job in jobs if not any(job.items() <= x.items() for x in done)
    ]
    start = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn")
    ) as pool:
        futures = {pool.submit(_timed, function, job): job for job in missing}
        for number, future in enumerate(
            concurrent.futures.as_completed(futures), start=1
        ):
            line = futures[future] | future.result()
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            minutes = (time.monotonic() - start) / 60
            print(
                f"{number}/{len(missing)}, {minutes:.1f} minutes: {line}",
                flush=True,
            )


def train_from_scratch(
    job: Job,
    clips: ClipReader,
    config: VideoClassifierConfig,
    *,
    flip: bool = False,
    label_smoothing: float = 0.0,
) -> keras.Model:
    """Trains a network from random weights.

    Args:
        job: A job with the fields `epochs`, `learning_rate` and `seed`.
        clips: The training clips.
        config: The config of the network.
        flip: Whether half of the clips are mirrored.
        label_smoothing: The label smoothing, as in `TrainingConfig`.
    """
    settings = TrainingConfig(
        epochs=job["epochs"],
        batch_size=32,
        learning_rate=job["learning_rate"],
        label_smoothing=label_smoothing,
        seed=job["seed"],
    )
    keras.utils.set_random_seed(settings.seed)
    return _train(
        build_clip_model(config),
        clips,
        settings,
        AugmentationConfig(flip=flip),
    )


def train_from_imagenet(
    job: Job,
    clips: ClipReader,
    config: VideoClassifierConfig,
    *,
    flip: bool = False,
) -> keras.Model:
    """Trains a network from published ImageNet weights.

    Args:
        job: A job with the fields `recipe` (the name of a recipe), `epochs` and
            `seed`.
        clips: The training clips.
        config: The config of the network.
        flip: Whether half of the clips are mirrored.
    """
    recipe = find_recipe(job["recipe"])
    settings = dataclasses.replace(
        recipe.training, epochs=job["epochs"], patience=0, seed=job["seed"]
    )
    keras.utils.set_random_seed(settings.seed)
    model, _ = start_from_imagenet(config)
    augmentation = dataclasses.replace(recipe.augmentation, flip=flip)
    return _train(model, clips, settings, augmentation)


def _train(model, clips, settings, augmentation):
    batches = make_dataset(
        clips,
        model.video_config,
        batch_size=settings.batch_size,
        training=True,
        seed=settings.seed,
        augmentation=augmentation,
    )
    fit(model, batches, settings, verbose=0)
    return model


def _timed(function, job):
    _use_one_thread()
    start = time.monotonic()
    result = function(job)
    return result | {"seconds": round(time.monotonic() - start, 1)}


@functools.cache
def _use_one_thread():
    """Limits TensorFlow to one thread, before its first use in a process."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
