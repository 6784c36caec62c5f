"""Trains a preset.

tsm train --data=DATA --to=PRESET --shift=causal
tsm train --data=DATA --to=PRESET --init=OTHER_PRESET
tsm train --data=DATA --to=PRESET_FOR_INT8 --qat --init=PRESET
tsm train --resume=RUN

DATA is a data set that `tsm prepare` wrote, or a folder with
DATA/train/CLASS/FILE, DATA/val/CLASS/FILE and DATA/test/CLASS/FILE. The best
epoch is chosen by the validation clips (val), and the finished network is then
tested once on the test clips. Without val, the best epoch is chosen by the test
clips, and its accuracy on them is too optimistic.

The folder of the run, PRESET.run beside PRESET, contains metrics and presets.
To continue an interrupted run, run the same command again or use --resume.
docs/training.md describes the recipes.
"""

import functools
import pathlib
import shlex
import sys
from collections.abc import Sequence

import tensorflow as tf
from absl import flags
from tensorflow import keras

from tsm_keras.data.pipeline.epochs import left_out
from tsm_keras.data.readers.clip_reader import split_names
from tsm_keras.keras_version import KERAS_3
from tsm_keras.models.config.parts import network_parts
from tsm_keras.models.presets import load_preset, preset_hash, save_preset
from tsm_keras.tf_keras_process import restart_in_tf_keras
from tsm_keras.training.distribute import (
    count_workers,
    make_strategy,
    wait_for_workers,
    worker_index,
)
from tsm_keras.training.flags import (
    define,
    given_network,
    is_deterministic,
    name_recipe,
    recipe_from_flags,
)
from tsm_keras.training.objectives.distillation import (
    remark_on_teacher,
    teacher_provenance,
)
from tsm_keras.training.runs.backup import epochs_done
from tsm_keras.training.runs.begin import begin_run, find_run
from tsm_keras.training.runs.data_sets import (
    batches,
    holds_boxes,
    open_split,
    open_with_start,
)
from tsm_keras.training.runs.train_in_folder import (
    check_training,
    clip_accuracies,
    mean_loss,
    train_in_folder,
)
from tsm_keras.training.runs.user_callbacks import (
    find_callbacks,
    make_callbacks,
)
from tsm_keras.training.start_checks import check_start, check_task
from tsm_keras.training.starting_point import pace_warning, starting_model

FLAGS = flags.FlagValues()
define(FLAGS, __name__)


def main(arguments: Sequence[str]) -> None:
    """Trains a network and writes its preset.

    Quantization-aware and multi-worker training restart this process with
    tf_keras.

    Raises:
        flags.Error: If a required flag is missing, or there are positional
            arguments.
        ValueError, OSError: If the data or a setting is wrong; nothing is
            written then.
        SystemExit: With the status 128 plus the number of the signal, if a
            signal ended training early.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    found = find_run(FLAGS)
    run = found.folder
    has_boxes = holds_boxes(FLAGS.data)
    if found.goes_on:
        # The usual recipe may have been another one when the run was begun.
        FLAGS.recipe = run.read().get("recipe", {}).get("name")
    name_recipe(FLAGS, has_boxes)
    recipe = recipe_from_flags(FLAGS)
    # Settings are checked before any video is read.
    network_parts(recipe.network)
    check_task(recipe, has_boxes, quantization_aware=FLAGS.qat)
    pretrained = check_start(recipe, FLAGS.init, FLAGS.pretrained, FLAGS.qat)
    several = FLAGS.distribute == "multi_worker"
    index = worker_index() if several else 0
    if (FLAGS.qat or several) and KERAS_3:
        restart_in_tf_keras()
    strategy = make_strategy(FLAGS.distribute)
    # In the process that trains, and before random numbers are seeded: the
    # start of training does not depend on callbacks and teachers.
    makers = find_callbacks(FLAGS.callbacks or ())
    teacher = load_preset(FLAGS.teacher) if FLAGS.teacher else None
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    if is_deterministic(FLAGS, has_gpu):
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.training.seed)
    splits = _held_out_splits()
    source, training = open_with_start(FLAGS, recipe)
    validation, test = (
        split and open_split(FLAGS, split, heads=training.heads)
        for split in splits
    )
    if found.goes_on:
        _check_same(run, training, recipe)
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
    elif getattr(source, "activation_ranges", None) and not FLAGS.qat:
        print(
            f"warning: {FLAGS.init} was trained quantization-aware. Its ranges "
            "will not hold after this training and are dropped: add --qat to "
            "get a preset that can be exported with --quantize=int8_qat."
        )
    if warning := pace_warning(model.video_config, training, recipe.sampling):
        print(warning)
    make_training, make_validation, make_test = (
        split and batches(FLAGS, clips, split, model.video_config, recipe)
        for split, clips in zip(
            ("train", *splits), (training, validation, test), strict=True
        )
    )
    # Raises if settings do not fit the data set.
    num_clips = int(make_training(batch_size=1).cardinality())
    check_training(
        model,
        recipe.training,
        strategy,
        quantization_aware=FLAGS.qat,
        teacher=teacher,
    )
    if teacher and (
        remark := remark_on_teacher(teacher.video_config, model.video_config)
    ):
        print(remark)
    provenance = {
        "data": training.name,
        "data_sha256": training.content_hash,
        "recipe": recipe.training.to_dict(),
        "recipe_name": FLAGS.recipe,
        "sampling": vars(recipe.sampling),
        "augmentation": vars(recipe.augmentation),
        "init": _hash_of_init(),
        "quantization_aware": FLAGS.qat,
        **teacher_provenance(FLAGS.teacher),
    }
    # Before this line nothing is written, and no earlier run is changed.
    begin_run(found, FLAGS, recipe, model, report, provenance)
    workers = count_workers(strategy)
    batch_size = recipe.training.batch_size // workers
    rest = left_out(num_clips, batch_size, workers)
    if rest and index == 0:
        print(rest)
    train = functools.partial(
        train_in_folder,
        run,
        model,
        recipe.training,
        make_training,
        make_validation,
        clips_per_label=[head.clips_per_label for head in training.heads],
        teacher=teacher,
        strategy=strategy,
        leads=index == 0,
        provenance=provenance,
        quantization_aware=FLAGS.qat,
        max_steps=2 if FLAGS.debug else None,
        callbacks=make_callbacks(makers),
    )
    try:
        if several:
            # The first worker may have to remove an earlier run before.
            wait_for_workers(strategy)
        if done := epochs_done(run.backup):
            total = recipe.training.epochs
            print(f"continuing after epoch {done} of {total}", flush=True)
        finished = train()
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if not several:
            raise
        reason = error.message.splitlines()[-1]
        print(f"lost another worker, restarting to wait for it: {reason}")
        run.unlock()
        restart_in_tf_keras()
    if not finished.complete:
        print(
            f"stopped after epoch {finished.epochs} of "
            f"{recipe.training.epochs}; to continue: "
            f"tsm train --resume={shlex.quote(str(run.path))}{_callbacks()}"
        )
        sys.exit(128 + finished.signal)
    if several:
        print(f"worker {index} has the weights {finished.digest}")
    if index:
        return
    result = finished.provenance
    if test:
        clips = make_test(batch_size=recipe.training.batch_size)
        accuracies = {} if has_boxes else clip_accuracies(finished.model, clips)
        for name, top1 in accuracies.items():
            result = {**result, f"test_{name}": top1}
            head = name.removesuffix("top1").rstrip("_")
            title = f"{head} top-1".strip()
            print(f"{title} {top1:.2%} of {test.num_clips} test clips")
        if has_boxes:
            loss = mean_loss(finished.model, clips, recipe.training)
            result = {**result, "test_loss": loss}
            print(
                f"loss {loss:.4f} on the clips of {test.num_clips} test "
                "videos; tsm evaluate measures the average precision"
            )
    save_preset(
        finished.model,
        FLAGS.to,
        provenance=result,
        overwrite=run.may_replace(FLAGS.to),
    )
    run.finish()
    print(f"wrote the preset {FLAGS.to}")


def _check_same(run, training, recipe):
    """Raises a ValueError if what a run was begun with has changed."""
    begun = run.read()
    teacher = teacher_provenance(FLAGS.teacher).get("teacher_sha256", "")
    settings = recipe.training.to_dict()
    begun_with = begun.get("recipe", {}).get("training", {})
    # JSON has no tuples, and versions differ in what can be set.
    same = [
        begun_with[name] == (list(value) if isinstance(value, tuple) else value)
        for name, value in settings.items()
        if name in begun_with
    ]
    for what, before, now in (
        (f"data set {FLAGS.data}", begun["data_sha256"], training.content_hash),
        (f"teacher {FLAGS.teacher}", begun.get("teacher_sha256", ""), teacher),
        (f"recipe {FLAGS.recipe}", True, all(same)),
    ):
        if before != now:
            raise ValueError(
                f"The {what} differs from the one that the run {run.path} was "
                "begun with. Start a new run."
            )


def _hash_of_init():
    if not FLAGS.init or not pathlib.Path(FLAGS.init).is_dir():
        return FLAGS.init or ""
    return preset_hash(FLAGS.init)


def _callbacks():
    if not FLAGS.callbacks:
        return ""
    return f" --callbacks={shlex.quote(','.join(FLAGS.callbacks))}"


def _held_out_splits():
    """Returns the splits for validation and test; the latter may be None."""
    there = split_names(FLAGS.data)
    test = FLAGS.test_split or "test"
    fallback = next((name for name in ("val", "test") if name in there), test)
    validation = FLAGS.validation_split or fallback
    needed = ["train", validation, *filter(None, [FLAGS.test_split])]
    missing = [split for split in dict.fromkeys(needed) if split not in there]
    if missing:
        # A folder without splits would give the same clips for everything.
        raise ValueError(
            "`data` must have clips to train on and others to validate on: "
            f"{FLAGS.data}/train/CLASS/FILE and {FLAGS.data}/val/CLASS/FILE, "
            "or a data set of `tsm prepare`, which can draw such splits. "
            f"Received: a folder with {there or 'no splits'}, "
            f"without {missing}"
        )
    if validation == test:
        reason = "" if "val" in there else ", as there is no val split"
        print(
            f"validating on the split {validation}{reason}: the best epoch is "
            "chosen by the clips that measure its accuracy"
        )
        return validation, None
    if test not in there:
        print(f"validating on the split {validation}; there is no {test} split")
        return validation, None
    print(f"validating on the split {validation}, testing on {test}")
    return validation, test
