"""fit: compile and train a clip model as a TrainingConfig says."""

import math
from collections.abc import Sequence

import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.weights import leaf_layers, unwrapped
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.freezing import freeze, is_batch_norm
from tsm_keras.training.optimizer import build_optimizer

__all__ = ["MONITOR", "TrainingConfig", "early_stopping", "fit"]

MONITOR = "val_top1"  # What decides which epoch is the best.


def fit(
    model: keras.Model,
    training_data: tf.data.Dataset,
    config: TrainingConfig,
    *,
    validation_data: tf.data.Dataset | None = None,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    initial_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> keras.callbacks.History:
    """Trains a clip model with `model.fit`.

    With `config.patience`, training ends where the validation stops getting
    better. With `config.ema` the model has the averaged weights in the end.

    Args:
        model: From `build_clip_model`.
        training_data: Batches from `make_dataset(training=True)`.
        config: How to train.
        validation_data: Batches from `make_dataset(training=False)`.
        steps_per_epoch: Of `training_data`, if an iteration of it goes
            through several epochs.
        validation_steps: Of `validation_data`, if several workers share it.
        initial_epoch: The first to train.
        callbacks: For `model.fit`.
        verbose: As in `model.fit`.

    Returns:
        What `model.fit` returns.

    Raises:
        ValueError: If the model or this Keras cannot do what `config` says, or
            a loss is no number.
    """
    compile_model(
        model, config, steps_per_epoch or int(training_data.cardinality())
    )
    own: list[keras.callbacks.Callback] = [_TerminateOnNaN()]
    if config.ema and not _has(callbacks, keras.callbacks.SwapEMAWeights):
        own.append(keras.callbacks.SwapEMAWeights())
    if config.patience and not _has(callbacks, keras.callbacks.EarlyStopping):
        own.append(early_stopping(config))
    return model.fit(
        training_data,
        validation_data=validation_data,
        epochs=config.epochs,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        initial_epoch=initial_epoch,
        callbacks=[*own, *callbacks],
        verbose=verbose,
        shuffle=False,  # The data set shuffles itself.
    )


def compile_model(
    model: keras.Model, config: TrainingConfig, steps_per_epoch: int
) -> None:
    """Freezes what is to be frozen, and compiles with optimizer and loss.

    Args:
        model: From `build_clip_model`.
        config: How it will be trained.
        steps_per_epoch: Batches an epoch.

    Raises:
        ValueError: As `fit`.
    """
    freeze(model, config)
    for _, layer in leaf_layers(model):
        if is_batch_norm(layer) and config.sync_batch_norm:
            # Read when a step is traced. The fused kernel knows one device.
            inner = unwrapped(layer)
            inner.synchronized, inner.fused = True, False
    # tf_keras would add up what all devices agree on.
    model.distribute_reduction_method = "first"
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=build_optimizer(model, config, steps_per_epoch),
            loss=_cross_entropy(config.label_smoothing, model.output_shape[-1]),
            weighted_metrics=[
                keras.metrics.MeanMetricWrapper(_hits, name="top1")
            ],
            # On a CPU XLA makes depthwise networks about four times slower.
            jit_compile=bool(tf.config.list_physical_devices("GPU"))
            and model.distribute_strategy.num_replicas_in_sync == 1,
        )


class _TerminateOnNaN(keras.callbacks.TerminateOnNaN):
    """Which lets no other callback save what came out."""

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise ValueError(
                f"The loss of epoch {epoch + 1} is no number: lower the "
                "learning rate, or clip gradients (clip_norm). "
                f"Received: loss={logs['loss']}"
            )


class _EarlyStopping(keras.callbacks.EarlyStopping):
    """Which knows the epochs before, in a run that goes on."""

    def __init__(self, past, **options):
        super().__init__(monitor=MONITOR, mode="max", **options)
        self._past = past

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        for epoch, value in enumerate(self._past):
            self.on_epoch_end(epoch, {MONITOR: value})


def early_stopping(
    config: TrainingConfig, past: Sequence[float] = ()
) -> keras.callbacks.EarlyStopping:
    """Returns the callback for `config.patience`.

    Args:
        config: Its `patience`.
        past: The validation's top-1 of the epochs before.
    """
    return _EarlyStopping(past, patience=config.patience, verbose=1)


def _has(callbacks, kind):
    return any(isinstance(callback, kind) for callback in callbacks)


def _cross_entropy(label_smoothing, num_classes):
    def cross_entropy(labels, logits):
        if not _mixed(labels):
            numbers = tf.cast(tf.reshape(labels, [-1]), tf.int32)
            labels = tf.one_hot(numbers, num_classes)
        return keras.losses.categorical_crossentropy(
            labels, logits, from_logits=True, label_smoothing=label_smoothing
        )

    return cross_entropy


def _hits(labels, logits):
    """Which clips' highest logit is that of the (main) class."""
    if _mixed(labels):
        labels = tf.argmax(labels, axis=-1)
    labels = tf.cast(tf.reshape(labels, [-1]), tf.int64)
    return tf.cast(labels == tf.argmax(logits, axis=-1), tf.float32)


def _mixed(labels):
    """Whether labels are `[B, K]`, of mixed clips, and not class numbers."""
    return labels.shape.rank == 2 and labels.shape[-1] != 1
