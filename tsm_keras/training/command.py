"""Trains a preset.

tsm train --data=DATA --to=PRESET --shift=causal
tsm train --data=DATA --to=PRESET --recipe=finetune_small --init=OTHER_PRESET
tsm train --data=DATA --to=PRESET_FOR_INT8 --qat --init=PRESET
tsm train --resume=RUN

DATA is what `tsm prepare` wrote, or holds DATA/train/CLASS/FILE and
DATA/test/CLASS/FILE (or DATA/val/CLASS/FILE). Beside PRESET lies the folder of
the run, PRESET.run, with metrics and presets; the same command again, or
--resume, goes on with a run that ended early. docs/training.md has the recipes.
"""

import functools
import pathlib
import shlex
import sys
from collections.abc import Sequence

import tensorflow as tf
from absl import flags
from tensorflow import keras

from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.epochs import left_out
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.data.storage.prepared_dataset import is_prepared, open_prepared
from tsm_keras.keras_version import KERAS_3
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset, preset_hash, save_preset
from tsm_keras.tf_keras_process import restart_in_tf_keras
from tsm_keras.training.begin import begin_run, find_run
from tsm_keras.training.distribute import (
    count_workers,
    make_strategy,
    wait_for_workers,
    worker_index,
)
from tsm_keras.training.flags import define, given_network, recipe_from_flags
from tsm_keras.training.run import check_training, train_in_folder
from tsm_keras.training.starting_point import check_start, starting_model

FLAGS = flags.FlagValues()
define(FLAGS, __name__)


def main(arguments: Sequence[str]) -> None:
    """Trains, and writes the preset.

    Quantization-aware and multi-worker training start this process over with
    tf_keras.

    Raises:
        flags.Error: If there are arguments that are no flags.
        ValueError, OSError: If the data or a setting is wrong; nothing is
            written then.
        SystemExit: With 128 and the signal's number, if one ended it early.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    found = find_run(FLAGS)
    run = found.folder
    recipe = recipe_from_flags(FLAGS)
    # Settings are checked before any video is read.
    VideoClassifierConfig(num_classes=2, **recipe.network)
    pretrained = check_start(recipe, FLAGS.init, FLAGS.pretrained, FLAGS.qat)
    several = FLAGS.distribute == "multi_worker"
    index = worker_index() if several else 0
    if (FLAGS.qat or several) and KERAS_3:
        restart_in_tf_keras()
    strategy = make_strategy(FLAGS.distribute)
    if FLAGS.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.training.seed)
    keras.mixed_precision.set_global_policy(recipe.training.precision)
    split = _test_split()
    source, training = _open_with_start(recipe)
    test = _open(split, label_names=training.label_names)
    if found.goes_on:
        _check_data(run, training)
    model, report = starting_model(
        recipe,
        given_network(FLAGS),
        training,
        source=source,
        name=FLAGS.init or "",
        pretrained=pretrained,
    )
    if found.goes_on and run.start.exists():
        model = load_preset(run.start)
    make_training, make_test = (
        functools.partial(
            make_dataset,
            clips,
            model.video_config,
            training=clips is training,
            seed=recipe.training.seed,
            sampling=recipe.sampling,
            augmentation=recipe.augmentation,
        )
        for clips in (training, test)
    )
    make_training(batch_size=1)  # Refuses what does not fit the data set.
    check_training(
        model, recipe.training, strategy, quantization_aware=FLAGS.qat
    )
    provenance = {
        "data": training.name,
        "data_sha256": training.content_hash,
        "recipe": recipe.training.to_dict(),
        "recipe_name": FLAGS.recipe,
        "sampling": vars(recipe.sampling),
        "augmentation": vars(recipe.augmentation),
        "init": _hash_of_init(),
        "quantization_aware": FLAGS.qat,
    }
    # Nothing is written, and no earlier run touched, before this.
    begin_run(found, FLAGS, recipe, model, report, provenance)
    workers = count_workers(strategy)
    batch_size = recipe.training.batch_size // workers
    rest = left_out(training.num_clips, batch_size, workers)
    if rest and index == 0:
        print(rest)
    train = functools.partial(
        train_in_folder,
        run,
        model,
        recipe.training,
        make_training,
        make_test,
        strategy=strategy,
        leads=index == 0,
        provenance=provenance,
        quantization_aware=FLAGS.qat,
        max_steps=2 if FLAGS.debug else None,
    )
    try:
        if several:
            # The first one may have removed an earlier run.
            wait_for_workers(strategy)
        finished = train()
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if not several:
            raise
        reason = error.message.splitlines()[-1]
        print(f"lost another worker, starting over to wait for it: {reason}")
        run.unlock()
        restart_in_tf_keras()
    if not finished.complete:
        print(
            f"stopped after epoch {finished.epochs} of "
            f"{recipe.training.epochs}; go on with: "
            f"tsm train --resume={shlex.quote(str(run.path))}"
        )
        sys.exit(128 + finished.signal)
    if several:
        print(f"worker {index} has the weights {finished.digest}")
    if index:
        return
    save_preset(
        finished.model,
        FLAGS.to,
        provenance=finished.provenance,
        overwrite=run.may_replace(FLAGS.to),
    )
    run.finish()
    print(f"wrote the preset {FLAGS.to}")


def _check_data(run, training):
    if run.read()["data_sha256"] != training.content_hash:
        raise ValueError(
            f"The data set {FLAGS.data} is another than the run {run.path} was "
            "begun with: start a new run."
        )


def _open_with_start(recipe):
    """Returns the model of --init, None without, and the training clips.

    The order of the classes is that of --init, if the classes are the same.
    """
    training = _open("train")
    if not FLAGS.init or FLAGS.init == "scratch":
        return None, training
    from tsm_keras.training.starting_point import read_source

    source = read_source(FLAGS.init, recipe)
    labels = source.video_config.labels
    if labels != training.label_names and {*labels} == {*training.label_names}:
        training = _open("train", label_names=labels)
    return source, training


def _hash_of_init():
    if not FLAGS.init or not pathlib.Path(FLAGS.init).is_dir():
        return FLAGS.init or ""
    return preset_hash(FLAGS.init)


def _test_split():
    """Returns the split to test on, where it and train are there."""
    path = pathlib.Path(FLAGS.data)
    if is_prepared(path):
        splits = open_prepared(path).splits
        there = [name for name, split in splits.items() if split.clips]
    elif path.is_dir():
        there = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    else:
        raise FileNotFoundError(f"The data folder {path} does not exist.")
    wanted = [FLAGS.test_split] if FLAGS.test_split else ["test", "val"]
    found = next((split for split in wanted if split in there), None)
    if "train" not in there or found is None:
        # Else both would be the whole folder, and the test one of memory.
        raise ValueError(
            f"`data` must have clips to train on and others to test on: {path}/"
            f"train/CLASS/FILE and {path}/{wanted[0]}/CLASS/FILE, or what `tsm "
            "prepare` wrote, which can draw such splits. "
            f"Received: a folder of {there[:10]}"
        )
    print(f"testing on the split {found}")
    return found


def _open(split, **options):
    return open_clips(
        FLAGS.data,
        split,
        max_bad_fraction=FLAGS.max_bad_fraction,
        cache=FLAGS.cache,
        verbose=True,
        **options,
    )
