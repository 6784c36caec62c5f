"""fit_quantization_aware: fine-tunes a clip model with simulated int8."""

from collections.abc import Iterable
from typing import Any

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
    **options: Any,
) -> keras.callbacks.History:
    """Fine-tunes a trained clip model with simulated int8 rounding.

    Args:
        model: A trained clip model. Its weights change, and it gets the
            attribute `activation_ranges`, which `save_preset` writes and
            `export_tflite(quantize="int8_qat")` needs.
        training_data: As in `fit`.
        config: As in `fit`, but nothing may be frozen, and the precision must
            be float32. A good learning rate is a tenth of that for training
            from scratch.
        **options: Further arguments of `fit`, such as `validation_data`, whose
            accuracy is measured with rounding, and `callbacks`, which see the
            network with rounding.

    Returns:
        The history, as in `fit`.

    Raises:
        ImportError: If this is Keras 3, or tfmot is missing.
        ValueError: As in `fit`, or if `config` freezes a part of the network
            or sets mixed precision.
    """
    check_trainable_with_roundings(config)
    rounding = quantization_aware(model)
    # tfmot starts with the range -6..6. Its moving averages are too slow to
    # get from there to the real ranges.
    start = measure_ranges(model, activation_ranges(rounding), training_data)
    set_activation_ranges(rounding, start)
    history = fit(rounding, training_data, config, **options)
    copy_float_weights(rounding, model)
    model.activation_ranges = activation_ranges(rounding)
    model.ranges_hold_for = None  # They belong to the weights of now.
    return history


def check_trainable_with_roundings(config: TrainingConfig) -> None:
    """Raises a ValueError if tfmot cannot train with these settings.

    Its wrappers train frozen layers too, and it rounds in float32 only.
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
        names: Names of the layers.
        data: Batches of clips and labels, of which the first few are used.

    Returns:
        For each layer, the smallest and the largest value of a batch, averaged
        over batches and widened to include zero.
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
