"""The layers that hold a network's weights, and how they are copied."""

from collections.abc import Iterator

from tensorflow import keras

from tsm_keras.layers.non_local_block import NonLocalBlock


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies every weight from `source` to the layer of the same name.

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
            layer.set_weights(source.get_layer(layer.name).get_weights())


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
