"""Copies the ImageNet weights of `keras.applications` into a network."""

from typing import TypeVar

from tensorflow import keras

from tsm_keras.models.backbones.record import ImageNetWeights
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import NetworkConfig, VideoDetectorConfig
from tsm_keras.models.config.head import belongs_to_head
from tsm_keras.models.operators.marks import belongs_to_mark

_Config = TypeVar("_Config", bound=NetworkConfig)
_SIZES = (96, 128, 160, 192, 224)


def imagenet_config(config: _Config) -> _Config:
    """Returns `config` with the conventions of `keras.applications`.

    Raises:
        ValueError: If `keras.applications` has no weights for the backbone, or
            the network does not take RGB.
    """
    return config.changed(**_published(config).conventions)


def load_imagenet_weights(
    model: keras.Model, source: keras.Model | None = None
) -> list[str]:
    """Copies the weights of a backbone from `keras.applications`.

    Args:
        model: From `build_clip_model` with an `imagenet_config`. Its
            classifier, or the pyramid and the heads of a detector, and the
            weights of temporal operators do not change.
        source: A `keras.applications` model that was built with
            `include_top=False`; None downloads the published ImageNet weights.

    Returns:
        The names of the layers whose weights were copied.

    Raises:
        ValueError: If a layer of one model has no counterpart in the other;
            nothing is copied then.
        OSError: If the download fails.
    """
    config = model.video_config
    published = _published(config)
    if source is None:
        source = _download(config, published)
    # A detector lacks the convolution that precedes the classifier.
    lacks_head = isinstance(config, VideoDetectorConfig)
    left_out = {*map(published.layer_name, ("head_conv", "head_bn"))}
    weights = {
        layer.name: layer.get_weights()
        for layer in source.layers
        if layer.weights and not (lacks_head and layer.name in left_out)
    }
    targets = {
        published.layer_name(layer.name): layer
        for layer in model.layers
        if layer.weights
        and not belongs_to_head(layer.name)
        and not belongs_to_mark(layer.name)
    }
    # All layers are checked before the first one is copied.
    differ = sorted(
        name
        for name in {*weights, *targets}
        if name not in weights
        or name not in targets
        or [w.shape for w in weights[name]]
        != [tuple(w.shape) for w in targets[name].weights]
    )
    if differ:
        raise ValueError(
            "The layers of the ImageNet model are not those of this one: build "
            "it with include_top=False and the same width. Received: "
            f"{len(differ)} layers that differ, {differ[:5]}"
        )
    for name, layer in targets.items():
        layer.set_weights(weights[name])
    return [layer.name for layer in targets.values()]


def _published(config) -> ImageNetWeights:
    published = BACKBONES[config.backbone.name].imagenet
    if (
        not isinstance(published, ImageNetWeights)
        or config.backbone.width not in published.widths
        or not config.input.is_rgb
    ):
        choices = " or ".join(
            f"backbone={backbone.name!r} with a width of "
            f"{backbone.imagenet.widths}"
            for backbone in BACKBONES.values()
            if isinstance(backbone.imagenet, ImageNetWeights)
        )
        raise ValueError(
            f"The ImageNet weights of keras.applications need {choices}, and "
            "RGB input. Received: "
            f"backbone={config.backbone.name!r}, "
            f"width={config.backbone.width}, "
            f"input_channels={config.input.channels}"
        )
    return published


def _download(config, published):
    size = config.input.image_size if config.input.image_size in _SIZES else 224
    build = getattr(keras.applications, published.application)
    try:
        return build(
            input_shape=(size, size, 3),
            alpha=config.backbone.width,
            include_top=False,
            weights="imagenet",
        )
    except Exception as error:  # Keras's get_file raises a bare Exception.
        raise OSError(
            "The ImageNet weights of keras.applications."
            f"{published.application} could not be downloaded: check the "
            "network, or start without pretrained='imagenet'. "
            f"Received: {error}"
        ) from error
