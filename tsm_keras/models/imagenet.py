"""ImageNet start: the weights of `keras.applications.MobileNetV2`."""

import dataclasses

from tensorflow import keras

from tsm_keras.models.config import VideoClassifierConfig

# The widths that keras.applications publishes weights for.
_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_SIZES = (96, 128, 160, 192, 224)


def imagenet_config(config: VideoClassifierConfig) -> VideoClassifierConfig:
    """Returns `config` with the conventions of `keras.applications`.

    The modelling difference: TensorFlow's "same" padding at stride 2 and
    a batch normalization epsilon of 1e-3. The preprocessing difference: inputs
    in [-1, 1].

    Raises:
        ValueError: If `keras.applications` has no such backbone.
    """
    if (
        config.backbone != "mobilenet_v2"
        or config.width not in _WIDTHS
        or not config.is_rgb
    ):
        raise ValueError(
            "pretrained='imagenet' needs backbone='mobilenet_v2' and a width "
            f"of {_WIDTHS} and RGB input. Received: "
            f"backbone={config.backbone!r}, width={config.width}, "
            f"input_channels={config.input_channels}"
        )
    return dataclasses.replace(
        config,
        stride_padding="same",
        batch_norm_epsilon=1e-3,
        pixel_mean=(127.5, 127.5, 127.5),
        pixel_std=(127.5, 127.5, 127.5),
    )


def load_imagenet_weights(
    model: keras.Model, source: keras.Model | None = None
) -> None:
    """Copies the backbone of `keras.applications.MobileNetV2` by name.

    Args:
        model: From `build_clip_model` with an `imagenet_config`. Its
            classifier is left as it is.
        source: The `keras.applications` model without its top; None downloads
            the published ImageNet weights.

    Raises:
        ValueError: If a layer of one has no counterpart in the other; nothing
            is copied then.
        OSError: If the download fails.
    """
    config = model.video_config
    if source is None:
        source = _download(config)
    weights = {
        layer.name: layer.get_weights()
        for layer in source.layers
        if layer.weights
    }
    targets = {
        applications_name(layer.name): layer
        for layer in model.layers
        if layer.weights and layer.name != "classifier"
    }
    # All of it is checked before any of it is copied.
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


def applications_name(name: str) -> str:
    """Returns the name that `keras.applications` gives to one of our layers.

    >>> applications_name("block_02_expand_bn")
    'block_2_expand_BN'
    """
    stem_and_head = {
        "stem_conv": "Conv1",
        "stem_bn": "bn_Conv1",
        "head_conv": "Conv_1",
        "head_bn": "Conv_1_bn",
    }
    if name in stem_and_head:
        return stem_and_head[name]
    _, index, part = name.split("_", 2)
    block = f"block_{int(index)}" if int(index) else "expanded_conv"
    return f"{block}_{part.replace('_bn', '_BN')}"


def _download(config):
    size = config.image_size if config.image_size in _SIZES else 224
    try:
        return keras.applications.MobileNetV2(
            input_shape=(size, size, 3),
            alpha=config.width,
            include_top=False,
            weights="imagenet",
        )
    except Exception as error:  # get_file raises a bare Exception.
        raise OSError(
            "The ImageNet weights of keras.applications.MobileNetV2 could not "
            "be downloaded: check the network, or start without "
            f"pretrained='imagenet'. Received: {error}"
        ) from error
