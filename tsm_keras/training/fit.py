"""fit: compile and train a clip model with one set of sound defaults."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        epochs: Passes over the data.
        batch_size: Clips a step.
        learning_rate: Peak of AdamW's rate: it warms up over the first tenth
            of all steps and falls to zero on a cosine.
        weight_decay: Of convolution and classifier kernels only.
        label_smoothing: In [0, 1).
        seed: Of initial weights, order, frames and crops.
    """

    epochs: int = 10
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    seed: int = 0

    def __post_init__(self):
        for field, valid, expected in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "positive"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("label_smoothing", 0 <= self.label_smoothing < 1, "in [0, 1)"),
            ("seed", self.seed >= 0, "at least 0"),
        ):
            if not valid:
                raise ValueError(
                    f"`{field}` must be {expected}. "
                    f"Received: {field}={getattr(self, field)!r}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON values."""
        return dataclasses.asdict(self)


def fit(
    model: keras.Model,
    training_data: tf.data.Dataset,
    config: TrainingConfig,
    *,
    validation_data: tf.data.Dataset | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> keras.callbacks.History:
    """Trains a clip model with `model.fit`.

    Args:
        model: From `build_clip_model`.
        training_data: Batches from `make_dataset(training=True)`.
        config: How to train.
        validation_data: Batches from `make_dataset(training=False)`.
        callbacks: For `model.fit`.
        verbose: As in `model.fit`.

    Returns:
        What `model.fit` returns.
    """
    steps = int(training_data.cardinality()) * config.epochs
    warmup = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 10,
        decay_steps=max(1, steps - warmup),
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=config.weight_decay
    )
    # Decay would pull normalization scales and biases to zero for nothing.
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer=optimizer,
        loss=_cross_entropy(config.label_smoothing, model.output_shape[-1]),
        metrics=[keras.metrics.MeanMetricWrapper(_hits, name="top1")],
        # On a CPU XLA makes depthwise networks about four times slower.
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )
    return model.fit(
        training_data,
        validation_data=validation_data,
        epochs=config.epochs,
        callbacks=list(callbacks),
        verbose=verbose,
        shuffle=False,  # The data set shuffles itself.
    )


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
