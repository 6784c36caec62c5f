"""Names the weights of a network, and copies them to another network."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tensorflow import keras

from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.models.config import NetworkConfig


def rebuild(
    model: keras.Model,
    config: NetworkConfig,
    build: Callable[[NetworkConfig], keras.Model],
) -> keras.Model:
    """Builds another network and gives it the weights of a trained one.

    Args:
        model: The trained network.
        config: The config of the new network.
        build: The function that builds the new network from `config`.

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
        source: The network that the weights are read from.
        target: The network that the weights are written to.
        adapt: Functions that convert the weights of some layers on the way,
            by layer name.

    Raises:
        ValueError: If a layer with weights is missing from either network.
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
    """Returns the weights by names that are equal in Keras 3 and tf_keras.

    A name joins the name of the layer and that of the weight in it, as in
    `stem_conv/kernel` or, in a non-local block,
    `stage_02_block_00_time_non_local/theta/kernel`.

    Returns:
        The variables of Keras by name, in network order.

    Raises:
        ValueError: If two weights of a layer have the same name.
    """
    found: dict[str, Any] = {}
    for layer_name, layer in leaf_layers(model):
        for weight in layer.weights:
            # Keras 3 says "kernel", tf_keras "stem_conv/depthwise_kernel:0".
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
    """Yields the layers that hold weights, each with a unique name.

    A non-local block yields its parts, named `<block>/theta` and so on. If
    tfmot (TensorFlow Model Optimization) has wrapped a layer, the wrapper is
    yielded under the name of the layer inside, because the wrapper holds some
    of the weights; see `unwrapped`.
    """
    for layer in model.layers:
        if isinstance(layer, NonLocalBlock):
            for part in layer.parts():
                yield f"{layer.name}/{part.name}", part
        elif layer.weights:
            yield unwrapped(layer).name, layer


def unwrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns the layer inside a wrapper, or the layer itself."""
    is_wrapper = isinstance(layer, keras.layers.Wrapper)
    return layer.layer if is_wrapper else layer
