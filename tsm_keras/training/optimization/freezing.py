"""freeze: makes stages and batch normalization of a network untrainable."""

from tensorflow import keras

from tsm_keras.models.backbones.record import Backbone
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.head import belongs_to_head
from tsm_keras.models.weights import leaf_layers, unwrapped
from tsm_keras.training.config import TrainingConfig

BatchNormalization = keras.layers.BatchNormalization


def freeze(model: keras.Model, config: TrainingConfig) -> None:
    """Makes layers untrainable, as the config says.

    A frozen batch normalization runs in inference mode. The pyramid and the
    heads of a detector are never frozen, because they come after the backbone.

    Args:
        model: A clip model that is not compiled yet.
        config: Its `batch_norm`, `frozen_stages` and `frozen_epochs` are used.

    Raises:
        ValueError: If the backbone has fewer stages than `frozen_stages`.
    """
    check_stages(model, config)
    layers = list(leaf_layers(model))
    thaws = 0 < config.frozen_epochs < config.epochs
    normal = [
        name
        for name, layer in layers
        if is_batch_norm(layer) and not belongs_to_head(name)
    ]
    learning = len(normal)
    learning = {"train": learning, "partial": 1, "frozen": 0}[config.batch_norm]
    for name, layer in layers:
        frozen = is_frozen(model, name, config)
        if name in normal:
            layer.trainable = learning > 0 and not frozen
            learning -= 1
        else:
            layer.trainable = thaws or not frozen


def is_frozen(
    model: keras.Model, layer_name: str, config: TrainingConfig
) -> bool:
    """Returns whether a layer's stage is frozen, if only for some epochs."""
    if not config.frozen_stages:
        return False
    stage = _backbone(model).stage_of(layer_name)
    return stage is not None and stage <= config.frozen_stages


def check_stages(model: keras.Model, config: TrainingConfig) -> None:
    """Raises a ValueError if a model has fewer stages than `frozen_stages`."""
    if not config.frozen_stages:
        return
    most = len(_backbone(model).stages)
    if config.frozen_stages > most:
        raise ValueError(
            f"`frozen_stages` must be at most {most}, the stages of the "
            f"backbone. Received: frozen_stages={config.frozen_stages}"
        )


def is_batch_norm(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer, or the one it wraps, normalizes batches."""
    return isinstance(unwrapped(layer), BatchNormalization)


def _backbone(model: keras.Model) -> Backbone:
    return BACKBONES[model.video_config.backbone.name]
