"""migrate: converts the content of a preset of format 1 to format 2.

Format 1 kept its weights in `model.weights.h5`, where Keras stores each layer
under its class and its number among the layers of this class. `config.json`
listed the layers in the same order, with the shapes of their weights.
"""

import collections
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tsm_keras.models.backbones.former_names import current_layer_name

WEIGHTS_FILE = "model.weights.h5"

Weights = dict[str, np.ndarray]

# The names of the weights of a layer, or of a part of it, in the file's order.
_CONVOLUTION = ("kernel", "bias")
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
_NON_LOCAL_BLOCK = {
    "theta": _CONVOLUTION,
    "phi": _CONVOLUTION,
    "g": _CONVOLUTION,
    "projection": _CONVOLUTION,
    "batch_norm": _NORMALIZATION,
}


def migrate(
    old: dict[str, Any],
) -> tuple[dict[str, Any], Callable[[bytes], Weights]]:
    """Returns the description of a preset in format 2, and a reader of weights.

    Args:
        old: The content of `config.json`.

    Returns:
        The content that `config.json` has in format 2, and a function that
        maps the bytes of `model.weights.h5` to the weights by name.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: If a field is missing
            or was changed after it was written.
    """
    canonical = json.dumps(old["config"], sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    if old["config_sha256"] != digest:
        raise ValueError("its `config` was changed since it was written")
    backbone = old["config"]["backbone"]
    layers = {
        current_layer_name(name, backbone): shapes
        for name, shapes in old["weights"].items()
    }
    # Artifacts that were exported from such a preset hold this hash.
    new = {**old, "format": 2, "hash": old["sha256"][WEIGHTS_FILE]}
    if ranges := old.get("activation_ranges"):
        new["activation_ranges"] = {
            current_layer_name(name, backbone): limits
            for name, limits in ranges.items()
        }
    return new, lambda content: _read_weights(content, layers)


def _read_weights(content: bytes, layers: dict[str, Any]) -> Weights:
    # h5py comes with Keras and TensorFlow; only this format needs it.
    import h5py

    weights: Weights = {}
    counts: collections.Counter[str] = collections.Counter()
    with h5py.File(io.BytesIO(content)) as file:
        for layer, shapes in layers.items():
            kind = _kind(shapes)
            number = counts[kind]
            counts[kind] += 1
            group = file["layers"][f"{kind}_{number}" if number else kind]
            if kind == "non_local_block":
                for part, names in _NON_LOCAL_BLOCK.items():
                    weights |= _named(f"{layer}/{part}", names, group[part])
            elif kind == "batch_normalization":
                weights |= _named(layer, _NORMALIZATION, group)
            else:
                weights |= _named(layer, _CONVOLUTION, group)
    return weights


def _kind(shapes: list[list[int]]) -> str:
    """Returns the class of a layer, given the shapes of its weights."""
    if len(shapes) > len(_NORMALIZATION):
        return "non_local_block"
    if len(shapes) == len(_NORMALIZATION):
        return "batch_normalization"
    if len(shapes[0]) == 2:
        return "dense"
    return "depthwise_conv2d" if shapes[0][-1] == 1 else "conv2d"


def _named(layer: str, names: Sequence[str], group: Any) -> Weights:
    values = group["vars"]
    return {
        f"{layer}/{name}": values[str(index)][()]
        for index, name in enumerate(names)
        if str(index) in values
    }
