"""The layers that hold a network's weights, and how they are copied."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tensorflow import keras

from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.models.config import VideoClassifierConfig


def rebuild(
    model: keras.Model,
    config: VideoClassifierConfig,
    build: Callable[[VideoClassifierConfig], keras.Model],
) -> keras.Model:
    """Returns another network with the weights of a trained one.

    Args:
        model: The trained network.
        config: The config of the new one.
        build: Builds the new one from `config`.

    Raises:
        ValueError: If the networks do not have the same layers with weights.
    """
    rebuilt = build(config)
    copy_weights(model, rebuilt)
    return rebuilt


def copy_weights(
    source: keras.Model,
    target: keras.Model,
    adapt: Mapping[str, Callable[[list], list]] | None = None,
) -> None:
    """Copies every weight from `source` to the layer of the same name.

    Args:
        source: Where the weights come from.
        target: Where they go to.
        adapt: Changes the weights of some layers on their way, by layer name.

    Raises:
        ValueError: If a layer with weights is missing on either side.
    """
    names = [
        {layer.name for layer in model.layers if layer.weights}
        for model in (source, target)
    ]
    if names[0] != names[1]:
        raise ValueError(
            "The two models must have the same layers with weights. Received: "
            f"only in one of them {sorted(names[0] ^ names[1])}"
        )
    for layer in target.layers:
        if layer.weights:
            weights = source.get_layer(layer.name).get_weights()
            if adapt and layer.name in adapt:
                weights = adapt[layer.name](weights)
            layer.set_weights(weights)


def named_weights(model: keras.Model) -> dict[str, Any]:
    """Returns the weights of a network by names that both Kerases share.

    A name is that of the layer and that of the weight in it: `stem_conv/kernel`
    or, in a non-local block, `stage_02_block_00_time_non_local/theta/kernel`.

    Returns:
        Variables of Keras, in the order of the network.

    Raises:
        ValueError: If two weights of a layer have the same name.
    """
    found: dict[str, Any] = {}
    for layer_name, layer in leaf_layers(model):
        for weight in layer.weights:
            # In tf_keras "stem_conv/depthwise_kernel:0", in Keras 3 "kernel".
            base = weight.name.split("/")[-1].split(":")[0]
            name = f"{layer_name}/{base.removeprefix('depthwise_')}"
            if name in found:
                raise ValueError(
                    "The weights of a layer must have different names. "
                    f"Received: {name} twice"
                )
            found[name] = weight
    return found


def leaf_layers(
    model: keras.Model,
) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields the layers that hold weights, with names that tell them apart.

    A non-local block counts as its parts, `<block>/theta` and so on. A layer
    that tfmot has wrapped comes in its wrapper, which holds some of its
    weights, under its own name; see `unwrapped`.
    """
    for layer in model.layers:
        if isinstance(layer, NonLocalBlock):
            for part in layer.parts():
                yield f"{layer.name}/{part.name}", part
        elif layer.weights:
            yield unwrapped(layer).name, layer


def unwrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns the layer in a wrapper, or the layer itself."""
    is_wrapper = isinstance(layer, keras.layers.Wrapper)
    return layer.layer if is_wrapper else layer
