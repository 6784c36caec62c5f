"""multiply_adds: counts the multiplications of a network, layer by layer."""

import math

from tensorflow import keras

from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.models.clip import build_single_clip
from tsm_keras.models.config import NetworkConfig


def multiply_adds(config: NetworkConfig) -> int:
    """Returns the multiply-adds of a network per clip, as papers count them.

    A multiplication and the addition after it are one. Convolutions in space
    and time, dense layers and non-local blocks count; normalizations,
    activations, shifts and means do not.

    Args:
        config: The config of the network, of which all layers are built.
    """
    network = build_single_clip(config)
    return sum(map(_of_layer, network.layers))


def _of_layer(layer):
    if isinstance(layer, NonLocalBlock):
        frames, height, width, channels = layer.output.shape
        positions, inner = frames * height * width, channels // 2
        keys = frames * (height // 2) * (width // 2)
        # Four convolutions, then scores and means.
        return 4 * positions * channels * inner + 2 * positions * keys * inner
    if not isinstance(layer, keras.layers.Layer) or not layer.weights:
        return 0
    kernel = layer.weights[0]
    if len(kernel.shape) < 2:  # A normalization has vectors only.
        return 0
    # Each number of a kernel is used once per position and frame.
    return math.prod(layer.output.shape[:-1]) * math.prod(kernel.shape)
