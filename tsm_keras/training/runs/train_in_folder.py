"""train_in_folder: trains in a run folder, from which training can resume."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.precision import precision
from tsm_keras.models.presets import (
    load_preset,
    read_description,
    save_preset,
)
from tsm_keras.models.weights import rebuild
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.distribute import (
    check_batch_size,
    distributed,
    distributed_test,
)
from tsm_keras.training.fit import fit
from tsm_keras.training.fit_quantization_aware import (
    check_trainable_with_roundings,
    fit_quantization_aware,
)
from tsm_keras.training.objectives import objective_of
from tsm_keras.training.objectives.classification import (
    metric_names,
    with_joined_labels,
)
from tsm_keras.training.objectives.distillation import check_teacher
from tsm_keras.training.objectives.objective import (
    TOP1,
    Monitor,
    with_one_output,
)
from tsm_keras.training.optimization.freezing import check_stages
from tsm_keras.training.optimization.optimizer import check_keras
from tsm_keras.training.runs.backup import epochs_done
from tsm_keras.training.runs.callbacks import StopAfterEpoch
from tsm_keras.training.runs.composition import (
    past_values,
    run_callbacks,
)
from tsm_keras.training.runs.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Finished:
    """The result of a training.

    Attributes:
        complete: Whether training is complete.
        epochs: The number of epochs that are done.
        signal: Number of the signal that ended training early, 0 for none.
        model: The trained clip model; None if training is not complete, or in
            a worker that does not lead.
        provenance: The provenance for the preset of the model.
        digest: A hash of the last weights, to compare workers.
    """

    complete: bool
    epochs: int
    signal: int = 0
    model: keras.Model | None = None
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    digest: str = ""


def check_training(
    model: keras.Model,
    config: TrainingConfig,
    strategy: tf.distribute.Strategy,
    *,
    quantization_aware: bool = False,
    teacher: keras.Model | None = None,
) -> None:
    """Checks, before anything is written, that training can start.

    Args:
        model: The model to train.
        config: Settings of training.
        strategy: The strategy, from `make_strategy`.
        quantization_aware: Whether training simulates int8 rounding.
        teacher: As in `fit`.

    Raises:
        ValueError: If the settings do not fit the model, this version of Keras
            or the number of devices.
    """
    objective_of(model.video_config).check(config)
    check_stages(model, config)
    if teacher is not None:
        check_teacher(teacher.video_config, model.video_config)
    check_keras(config, strategy.num_replicas_in_sync)
    check_batch_size(strategy, config.batch_size)
    if quantization_aware:
        check_trainable_with_roundings(config)


def train_in_folder(
    run: RunFolder,
    start: keras.Model,
    config: TrainingConfig,
    make_training: Callable[..., tf.data.Dataset],
    make_validation: Callable[..., tf.data.Dataset],
    *,
    clips_per_label: Sequence[Sequence[int]] | None = None,
    teacher: keras.Model | None = None,
    provenance: dict[str, Any] | None = None,
    strategy: tf.distribute.Strategy | None = None,
    leads: bool = True,
    quantization_aware: bool = False,
    max_steps: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Finished:
    """Trains in a run folder, from its last backup if there is one.

    Args:
        run: The folder that everything is written into.
        start: The clip model with the weights to start from, built outside
            the strategy's scope. Distributed training does not change it.
        config: Settings of training.
        make_training: Makes the training batches; called with `batch_size`,
            `epochs`, `num_workers` and `worker`, as in `make_dataset`.
        make_validation: Makes the batches that choose the best epoch; called
            with `batch_size`, `num_workers` and `worker`.
        clips_per_label: As in `fit`.
        teacher: As in `fit`.
        provenance: The provenance of the presets, as JSON values; None for
            none.
        strategy: The strategy, from `make_strategy`; None for one device.
        leads: False for a worker that leaves all writing to another one.
        quantization_aware: Whether to simulate int8 rounding. Then no preset is
            written before the last epoch is done.
        max_steps: The largest number of steps of each epoch and of each
            validation; None for all of them.
        callbacks: Further callbacks for `model.fit`. They are called after
            those of the run, which write its presets and its backup.

    Returns:
        The result of the training.
    """
    provenance = provenance or {}
    strategy = strategy or tf.distribute.get_strategy()
    objective = objective_of(start.video_config)
    monitor = objective.monitor(config.best_by)
    make_training, make_validation = (
        functools.partial(_joined, objective, make)
        for make in (make_training, make_validation)
    )
    done = epochs_done(run.backup)
    steps = int(make_training(batch_size=config.batch_size).cardinality())
    steps = min(steps, max_steps or steps)
    if config.sync_batch_norm and strategy.num_replicas_in_sync == 1:
        config = dataclasses.replace(config, sync_batch_norm=False)
    validation, validation_steps = distributed_test(
        strategy, config.batch_size, make_validation
    )
    past = past_values(run, monitor, done)
    saves_presets = not quantization_aware
    signals = StopAfterEpoch()
    model = start
    stopped = has_stopped(past, config.patience, monitor)
    if quantization_aware or (done < config.epochs and not stopped):
        several = isinstance(
            strategy, tf.distribute.MultiWorkerMirroredStrategy
        )
        own = run_callbacks(
            run,
            config,
            epochs_done=done,
            provenance=provenance,
            pictures=make_validation(batch_size=1)
            if _has_pictures(start.video_config) and not several
            else None,
            network=start.video_config,
            saves_presets=saves_presets,
            leads=leads,
        )
        if strategy is not tf.distribute.get_strategy():
            with strategy.scope(), precision(config.precision):
                model = rebuild(start, start.video_config, build_clip_model)
        train = fit_quantization_aware if quantization_aware else fit
        # One iterator goes through all epochs; none depends on earlier ones.
        epochs = range(done, max(config.epochs, done + 1))
        with signals:
            history = train(
                model,
                distributed(
                    strategy,
                    config.batch_size,
                    functools.partial(make_training, epochs=epochs),
                ),
                config,
                validation_data=validation,
                clips_per_label=clips_per_label,
                teacher=teacher,
                steps_per_epoch=steps,
                validation_steps=min(
                    validation_steps, max_steps or validation_steps
                ),
                initial_epoch=done,
                callbacks=[*own, *callbacks, signals],
            )
        done += len(history.epoch)
    if signals.received and done < config.epochs:
        return Finished(False, done, signals.received)
    # Reading the weights needs all workers.
    digest = _digest(model)
    if not leads:
        return Finished(True, done, 0, None, {}, digest)
    if quantization_aware:
        value = past_values(run, monitor, done)[-1]
        provenance = {**provenance, monitor.name: value}
        last = run.preset("last")
        save_preset(model, last, provenance=provenance, overwrite=True)
    path = run.preset("best" if config.patience and saves_presets else "last")
    provenance = read_description(path)["provenance"]
    return Finished(True, done, 0, load_preset(path), provenance, digest)


def clip_accuracies(
    model: keras.Model, clips: tf.data.Dataset
) -> dict[str, float]:
    """Returns the top-1 accuracies of a clip model, in [0, 1].

    Args:
        model: A clip model.
        clips: Batches from `make_dataset(training=False)`.

    Returns:
        The accuracies by their `metric_names`: `top1`, or with several heads
        that of each head, and the share of clips for which all are right.
    """
    heads = model.video_config.heads
    outputs = [head.output for head in heads]
    found = []
    for batch, labels in with_joined_labels(clips, heads):
        logits = model.predict_on_batch(batch)
        if len(heads) == 1:
            logits, labels = {outputs[0]: logits}, labels[:, None]
        classes = [np.argmax(logits[name], axis=-1) for name in outputs]
        found.append(np.stack(classes, axis=1) == labels.numpy())
    hits = np.concatenate(found)
    if len(heads) > 1:
        hits = np.column_stack([hits, hits.all(axis=1)])
    names = metric_names(heads)
    return dict(zip(names, hits.mean(axis=0).tolist(), strict=True))


def mean_loss(
    model: keras.Model, clips: tf.data.Dataset, training: TrainingConfig
) -> float:
    """Returns the mean loss of a detector, as validation computes it.

    Args:
        model: A detector of clips.
        clips: Batches from `make_detection_dataset(training=False)`.
        training: The settings of the training, which weigh the losses.
    """
    objective, view = objective_of(model.video_config), with_one_output(model)
    loss = objective.loss(training)
    found = [
        loss(labels, view.predict_on_batch(batch)).numpy()
        for batch, labels in objective.joined(clips)
    ]
    return float(np.concatenate(found).mean())


def _joined(objective, make, **options):
    return objective.joined(make(**options))


def _has_pictures(network):
    """Returns whether TensorBoard can show clips with their classes."""
    is_classifier = isinstance(network, VideoClassifierConfig)
    return is_classifier and network.input.is_rgb


def _digest(model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()[:16]


def has_stopped(
    values: Sequence[float], patience: int, monitor: Monitor = TOP1
) -> bool:
    """Returns whether early stopping ends training after these values."""
    if not patience or not values:
        return False
    best = int(np.argmax(monitor.sign * np.asarray(values)))
    return len(values) - 1 - best >= patience
