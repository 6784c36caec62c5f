"""copy_weights: two networks of one config share what they learnt."""

from tensorflow import keras


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
