"""fit: compiles and trains a clip model according to a TrainingConfig."""

import math
from collections.abc import Sequence

import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.precision import precision
from tsm_keras.models.weights import (
    copy_weights,
    leaf_layers,
    rebuild,
    unwrapped,
)
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.objectives import objective_of_model
from tsm_keras.training.objectives.distillation import (
    Distilled,
    check_teacher,
    distillation_loss,
)
from tsm_keras.training.objectives.objective import (
    TOP1,
    Monitor,
    with_one_output,
)
from tsm_keras.training.optimization.freezing import freeze, is_batch_norm
from tsm_keras.training.optimization.optimizer import build_optimizer

__all__ = ["TrainingConfig", "early_stopping", "fit"]


def fit(
    model: keras.Model,
    training_data: tf.data.Dataset,
    config: TrainingConfig,
    *,
    validation_data: tf.data.Dataset | None = None,
    teacher: keras.Model | None = None,
    clips_per_label: Sequence[Sequence[int]] | None = None,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    initial_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> keras.callbacks.History:
    """Trains a clip model with `model.fit`.

    With several heads, the loss is the sum of their losses, and the metrics are
    the accuracy of each head (`verb_top1`) and the share of clips for which all
    heads are right (`all_top1`). The loss of a detector is that of
    `DetectionObjective`. Callbacks see a model that has one output, in which
    several are side by side.

    With `config.patience`, training ends when the validation metric of
    `config.best_by` stops improving. With `config.ema`, the model has the
    averaged weights at the end. If the model was built for a precision other
    than `config.precision`, a copy is trained, and its weights are copied back
    at the end; callbacks then see the copy. The `activation_ranges` of an
    earlier quantization-aware training are removed, because they no longer fit
    the weights.

    Args:
        model: From `build_clip_model`.
        training_data: Batches from `make_dataset(training=True)`, or for a
            detector from `make_detection_dataset(training=True)`.
        config: The settings of the training.
        validation_data: Batches of the same function with
            `training=False`.
        teacher: A trained clip model whose predictions the network learns
            beside the labels, by `config.teacher_weight`. It sees the same
            clips, with the number of segments and the size of `model`.
        clips_per_label: For each head, the number of training clips of each
            class, for `config.class_weights`: `[head.clips_per_label for head
            in clips.heads]` of a reader from `open_clips`.
        steps_per_epoch: The number of batches in an epoch, if one iteration
            over `training_data` goes through several epochs.
        validation_steps: The number of batches of `validation_data` to use, if
            several workers share it.
        initial_epoch: The number of the first epoch, counted from 0.
        callbacks: Callbacks that are passed to `model.fit`.
        verbose: The argument of `model.fit` of the same name.

    Returns:
        The result of `model.fit`.

    Raises:
        ValueError: If the model or the version of Keras does not support a
            setting of `config`, or the loss becomes infinite or NaN.
    """
    if teacher is not None:
        check_teacher(teacher.video_config, model.video_config)
    steps = steps_per_epoch or int(training_data.cardinality())
    trained = _in_precision(model, config)
    compiled = compile_model(trained, config, steps, clips_per_label, teacher)
    if trained is not model:
        # It is returned as trained, too, and need not know the teacher.
        compile_model(model, config, steps, clips_per_label)
    objective = objective_of_model(model)
    if getattr(model, "activation_ranges", None):
        model.activation_ranges = {}
    own: list[keras.callbacks.Callback] = [_TerminateOnNaN()]
    if config.ema and not _has(callbacks, keras.callbacks.SwapEMAWeights):
        own.append(keras.callbacks.SwapEMAWeights())
    if config.patience and not _has(callbacks, keras.callbacks.EarlyStopping):
        monitor = objective.monitor(config.best_by)
        own.append(early_stopping(config, monitor=monitor))
    history = compiled.fit(
        objective.joined(training_data),
        validation_data=objective.joined(validation_data),
        epochs=config.epochs,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        initial_epoch=initial_epoch,
        callbacks=[*own, *callbacks],
        verbose=verbose,
        shuffle=False,  # The data set shuffles the clips itself.
    )
    if trained is not model:
        copy_weights(trained, model)
    return history


def _in_precision(model, config):
    """Returns the model, or a copy that computes in `config.precision`."""
    if model.dtype_policy.name == config.precision:
        return model
    if not hasattr(model, "video_config"):
        raise ValueError(
            "`precision` must be that of the model, which is "
            f"{model.dtype_policy.name}, unless build_clip_model built it. "
            f"Received: precision={config.precision!r}"
        )
    with model.distribute_strategy.scope(), precision(config.precision):
        return rebuild(model, model.video_config, build_clip_model)


def compile_model(
    model: keras.Model,
    config: TrainingConfig,
    steps_per_epoch: int,
    clips_per_label: Sequence[Sequence[int]] | None = None,
    teacher: keras.Model | None = None,
) -> keras.Model:
    """Freezes layers, and compiles the model with optimizer and loss.

    Args:
        model: From `build_clip_model`.
        config: The settings of the training.
        steps_per_epoch: The number of batches per epoch.
        clips_per_label: As in `fit`.
        teacher: As in `fit`.

    Returns:
        What was compiled: the model, its view `with_one_output`, or with a
        teacher `Distilled`.

    Raises:
        ValueError: If the model or the version of Keras does not support a
            setting of `config`.
    """
    freeze(model, config)
    objective = objective_of_model(model)
    model = with_one_output(model)
    loss = objective.loss(config, clips_per_label)
    for _, layer in leaf_layers(model):
        if is_batch_norm(layer) and config.sync_batch_norm:
            # Keras reads both attributes when it traces a step. The fused
            # kernel must be off, as it sees the batch of one device only.
            inner = unwrapped(layer)
            inner.synchronized, inner.fused = True, False
    if teacher is not None:
        with model.distribute_strategy.scope():
            model = Distilled(
                model, model.video_config, teacher, config.precision
            )
        loss = distillation_loss(
            loss,
            [head.num_classes for head in model.video_config.heads],
            config.teacher_weight,
            config.teacher_temperature,
        )
    # All devices return the same values, which tf_keras would add up.
    model.distribute_reduction_method = "first"
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=build_optimizer(model, config, steps_per_epoch),
            loss=loss,
            weighted_metrics=objective.metrics(config),
            # On a CPU XLA makes depthwise networks about four times slower.
            jit_compile=bool(tf.config.list_physical_devices("GPU"))
            and model.distribute_strategy.num_replicas_in_sync == 1,
        )
        # The variables of the optimizer are created here, because Keras traces
        # the first step twice if that step creates them.
        model.optimizer.build(model.trainable_variables)
    return model


class _TerminateOnNaN(keras.callbacks.TerminateOnNaN):
    """Raises an error, so that no later callback saves the weights."""

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise ValueError(
                f"The loss of epoch {epoch + 1} is not finite: lower the "
                "learning rate, or clip gradients (clip_norm). "
                f"Received: loss={logs['loss']}"
            )


class _EarlyStopping(keras.callbacks.EarlyStopping):
    """Counts the epochs from before a run was resumed as well."""

    def __init__(self, past, **options):
        super().__init__(**options)
        self._past = past

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        for epoch, value in enumerate(self._past):
            self.on_epoch_end(epoch, {self.monitor: value})


def early_stopping(
    config: TrainingConfig,
    past: Sequence[float] = (),
    monitor: Monitor = TOP1,
) -> keras.callbacks.EarlyStopping:
    """Returns the callback for `config.patience`.

    Args:
        config: Its `patience` is used.
        past: The value of the metric after each epoch so far.
        monitor: The metric, from `monitored`.
    """
    return _EarlyStopping(
        past,
        monitor=monitor.name,
        mode="max" if monitor.sign > 0 else "min",
        patience=config.patience,
        verbose=1,
    )


def _has(callbacks, kind):
    return any(isinstance(callback, kind) for callback in callbacks)
