"""What of a network does not learn: stages, and batch normalization."""

import re

from tensorflow import keras

from tsm_keras.models.backbones.mobilenet_v2 import STAGES
from tsm_keras.models.weights import leaf_layers, unwrapped
from tsm_keras.training.config import TrainingConfig

BatchNormalization = keras.layers.BatchNormalization


def freeze(model: keras.Model, config: TrainingConfig) -> None:
    """Makes layers untrainable; frozen normalization is in inference mode.

    Args:
        model: A clip model, not compiled yet.
        config: Its `batch_norm`, `frozen_stages` and `frozen_epochs`.

    Raises:
        ValueError: If there are not as many stages.
    """
    check_stages(model, config)
    layers = list(leaf_layers(model))
    thaws = 0 < config.frozen_epochs < config.epochs
    learning = sum(is_batch_norm(layer) for _, layer in layers)
    learning = {"train": learning, "partial": 1, "frozen": 0}[config.batch_norm]
    for name, layer in layers:
        stage = stage_of(name)
        frozen = stage is not None and stage <= config.frozen_stages
        if is_batch_norm(layer):
            layer.trainable = learning > 0 and not frozen
            learning -= 1
        else:
            layer.trainable = thaws or not frozen


def check_stages(model: keras.Model, config: TrainingConfig) -> None:
    """Raises a ValueError if a model has fewer stages than are frozen."""
    most = max(stage_of(name) or 0 for name, _ in leaf_layers(model))
    if config.frozen_stages > most:
        raise ValueError(
            f"`frozen_stages` must be at most {most}, the stages of the "
            f"backbone. Received: frozen_stages={config.frozen_stages}"
        )


def is_batch_norm(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a batch normalization."""
    return isinstance(unwrapped(layer), BatchNormalization)


def stage_of(name: str) -> int | None:
    """Returns the stage of a backbone that a layer is in, None if in none.

    The stem is stage 1. A ResNet's stages are 2 to 5; the rows of MobileNetV2's
    table are 2 to 8, and its last convolution is 9.

    >>> stage_of("stage_1_block_00_conv_1"), stage_of("block_03_expand")
    (2, 4)
    """
    if name.startswith("stem_"):
        return 1
    if found := re.match(r"stage_(\d)_", name):
        return int(found[1]) + 1
    if found := re.match(r"block_(\d\d)_", name):
        first = 0
        for number, row in enumerate(STAGES):
            first += row.blocks
            if int(found[1]) < first:
                return number + 2
    return len(STAGES) + 2 if name.startswith("head_") else None
