"""fit_quantization_aware: fine-tunes a network with the roundings of int8."""

from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.quantization.quantization_aware import (
    activation_ranges,
    copy_float_weights,
    quantization_aware,
    set_activation_ranges,
)
from tsm_keras.training.fit import TrainingConfig, fit

_MEASURED_BATCHES = 16
_NARROWEST = 1e-3  # An empty range would have no scale.


def fit_quantization_aware(
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
    """Fine-tunes a trained clip model that rounds where int8 will.

    Args:
        model: A trained clip model. Its weights change, and it gets the
            attribute `activation_ranges`, which `save_preset` writes and
            `export_tflite(quantize="int8_qat")` needs.
        training_data: As for `fit`.
        config: As for `fit`. A tenth of the learning rate for training from
            scratch is a good start. Nothing may be frozen, and the precision
            must be float32.
        validation_data: As for `fit`; accuracy is measured with roundings.
        steps_per_epoch: As for `fit`.
        validation_steps: As for `fit`.
        initial_epoch: As for `fit`.
        callbacks: As for `fit`; they see the network with roundings.
        verbose: As for `fit`.

    Returns:
        The history, as in `fit`.

    Raises:
        ImportError: If this is Keras 3, or tfmot is missing.
        ValueError: As `fit`, and if `config` freezes a part or asks for mixed
            precision.
    """
    check_trainable_with_roundings(config)
    rounding = quantization_aware(model)
    # tfmot starts with the range -6..6. Its moving averages are too slow to
    # get from there to the real ranges.
    start = measure_ranges(model, activation_ranges(rounding), training_data)
    set_activation_ranges(rounding, start)
    history = fit(
        rounding,
        training_data,
        config,
        validation_data=validation_data,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        initial_epoch=initial_epoch,
        callbacks=callbacks,
        verbose=verbose,
    )
    copy_float_weights(rounding, model)
    model.activation_ranges = activation_ranges(rounding)
    return history


def check_trainable_with_roundings(config: TrainingConfig) -> None:
    """Raises a ValueError if a config asks for what tfmot cannot do.

    Its wrappers go on training what is frozen, and its roundings exist in
    float32 only.
    """
    for field, neutral in (
        ("frozen_stages", 0),
        ("batch_norm", "train"),
        ("precision", "float32"),
    ):
        if getattr(config, field) != neutral:
            raise ValueError(
                f"`{field}` must be {neutral!r} in quantization-aware "
                f"training. Received: {field}={getattr(config, field)!r}"
            )


def measure_ranges(
    model: keras.Model, names: Iterable[str], data: tf.data.Dataset
) -> dict[str, tuple[float, float]]:
    """Measures the range of the activations of layers of a float network.

    Args:
        model: A clip model.
        names: The names of these layers.
        data: Batches of clips and labels, of which a few are taken.

    Returns:
        For each layer the mean, over the batches, of the smallest and of the
        largest value, widened to hold zero.
    """
    names = list(names)
    probe = keras.Model(
        model.inputs, [model.get_layer(name).output for name in names]
    )

    @tf.function
    def extremes(clips):
        return [
            (tf.reduce_min(values), tf.reduce_max(values))
            for values in probe(clips, training=False)
        ]

    batches = [
        [[low.numpy(), high.numpy()] for low, high in extremes(clips)]
        for clips, _ in data.take(_MEASURED_BATCHES)
    ]
    means = np.asarray(batches, np.float64).mean(axis=0)
    return {
        name: (min(float(low), 0.0), max(float(high), _NARROWEST))
        for name, (low, high) in zip(names, means, strict=True)
    }
