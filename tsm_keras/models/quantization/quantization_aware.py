"""quantization_aware: returns a network that rounds as its int8 form does.

The method is that of Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018. TensorFlow
Model Optimization (tfmot) implements it, for tf_keras only.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.keras_version import KERAS_3
from tsm_keras.layers.channels import ConcatenateChannels, SliceChannels
from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.layers.hard_sigmoid import HardSigmoid
from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.temporal_shift import TemporalShift
from tsm_keras.layers.unfold_time import UnfoldTime
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.quantization.fake_quantized_normalization import (
    FakeQuantizedNormalization,
)

# The smallest and the largest value that int8 can represent, by layer.
Ranges = Mapping[str, tuple[float, float]]

# These layers only move values, so they need no range of their own.
_MOVES = (TemporalShift, SliceChannels, ConcatenateChannels)
# These layers only reshape, and are not wrapped.
_RESHAPES = (keras.layers.InputLayer, FoldTime, UnfoldTime)


@without_mixed_precision()
def quantization_aware(model: keras.Model) -> keras.Model:
    """Returns a copy of a network that rounds where its int8 form does.

    Following tfmot's default 8-bit scheme, it rounds kernels with one range per
    channel, and all activations except those between a convolution, its batch
    normalization and its ReLU, which become one operation in int8. The copy is
    still a float network, which can be trained.

    Args:
        model: A clip model, or a network from `to_streaming` or
            `to_single_clip`.

    Returns:
        A model with the same inputs, outputs and weights. Its layer `quant_x`
        wraps the layer `x`.

    Raises:
        ValueError: If the network has convolutions in time, or a layer that
            tfmot cannot round.
        ImportError: If this is Keras 3, or tfmot is missing.
    """
    config = getattr(model, "video_config", None)
    operator = config.temporal.operator if config else "none"
    if operator in ("mixtconv", "conv3d"):
        raise ValueError(
            "Quantization-aware training does not know convolutions in time "
            "yet: use int8 after the training (--quantize=int8). "
            f"Received: operator={operator!r}"
        )
    tfmot = _import_tfmot()
    if any(isinstance(layer, HardSigmoid) for layer in model.layers):
        raise ValueError(
            "TensorFlow Model Optimization has no rounding for the hard swish "
            "of MobileNetV3: train another backbone, or export this one with "
            "--quantize=int8, which needs no training. "
            f"Received: a network with the layer {HardSigmoid.__name__}"
        )
    from tsm_keras.models.quantization.int8_scheme import (
        Int8Scheme,
        NoOpConfig,
        OutputConfig,
    )

    def annotated(layer):
        if isinstance(layer, PixelNormalization):
            return FakeQuantizedNormalization(
                layer.mean, layer.std, name=layer.name
            )
        if isinstance(layer, _MOVES):
            return tfmot.quantize_annotate_layer(layer, NoOpConfig())
        if isinstance(layer, SegmentConsensus):
            return tfmot.quantize_annotate_layer(layer, OutputConfig())
        if isinstance(layer, _RESHAPES):
            return layer
        return tfmot.quantize_annotate_layer(layer)

    # tfmot needs models whose inputs and outputs are lists, not dictionaries.
    flat = keras.Model(model.inputs, model.outputs)
    annotation = keras.models.clone_model(flat, clone_function=annotated)
    own = {config.__name__: config for config in (NoOpConfig, OutputConfig)}
    with tfmot.quantize_scope(own):
        copy = tfmot.quantize_apply(annotation, Int8Scheme())
    copy_float_weights(model, copy)
    packed = keras.Model(
        tf.nest.pack_sequence_as(model.input, copy.inputs),
        tf.nest.pack_sequence_as(model.output, copy.outputs),
    )
    packed.video_config = config
    return packed


def copy_float_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies weights by name, to or from a quantization-aware network.

    The ranges of activations are not copied. Those of kernels are computed
    from the copied kernels.
    """
    weights = {
        key: weight
        for layer in source.layers
        for key, weight in _weights(layer).items()
    }
    for layer in target.layers:
        for key, weight in _weights(layer).items():
            if key in weights:
                weight.assign(weights[key])
        for kernel, quantizer, limits in getattr(layer, "_weight_vars", ()):
            quantizer(kernel, True, weights=limits)


def activation_ranges(model: keras.Model) -> dict[str, tuple[float, float]]:
    """Returns the ranges of a quantization-aware network's activations."""
    return {
        name: (float(low.numpy()), float(high.numpy()))
        for name, (low, high) in _ranges(model).items()
    }


def set_activation_ranges(model: keras.Model, ranges: Ranges) -> None:
    """Sets the ranges of a quantization-aware network's activations.

    Raises:
        ValueError: If the range of a layer of `model` is missing. Ranges of
            other layers are ignored.
    """
    variables = _ranges(model)
    if missing := sorted(set(variables) - set(ranges)):
        raise ValueError(
            "The ranges must be those of this network's layers. Received: "
            f"none for {len(missing)} layers, {missing[:5]}"
        )
    for name, limits in variables.items():
        for variable, limit in zip(limits, ranges[name], strict=True):
            variable.assign(limit)


def tie_caches(model: keras.Model) -> None:
    """Gives each cache the same range as an output and as an input.

    It is the range of the features that the cache output is a slice of. A cache
    then enters the next step of a stream without being rounded once more.

    Args:
        model: A quantization-aware network made from a streaming network.
    """
    ranges = _ranges(model)
    for name, output in model.output.items():
        if not name.startswith("cache_"):
            continue
        features = output._keras_history.layer
        while _wrapped(features).name not in ranges:
            # The present frame is the last part of a cache of several frames.
            features = tf.nest.flatten(
                features.inbound_nodes[0].inbound_layers
            )[-1]
        limits = ranges[_wrapped(features).name]
        cache = model.get_layer(name.removesuffix("_out"))
        (quantizer,) = {node.outbound_layer for node in cache.outbound_nodes}
        quantizer.quantizer_vars["min_var"].assign(limits[0])
        quantizer.quantizer_vars["max_var"].assign(limits[1])


def _import_tfmot() -> Any:
    if KERAS_3:
        raise ImportError(
            "Quantization-aware training works in tf_keras only: set "
            "TF_USE_LEGACY_KERAS=1 before TensorFlow is imported, or use "
            "`tsm train --qat`, which does so by itself."
        )
    try:
        import tensorflow_model_optimization
    except ImportError as error:
        raise ImportError(
            "Quantization-aware training needs TensorFlow Model Optimization: "
            'pip install "tsm-keras[qat]"'
        ) from error
    return tensorflow_model_optimization.quantization.keras


def _wrapped(layer):
    return getattr(layer, "layer", layer)


def _weights(layer):
    """Returns the variables of a layer by (layer name, weight name)."""
    return {
        (_wrapped(layer).name, _base_name(weight)): weight
        for weight in layer.weights
    }


def _ranges(model):
    """Returns the variables (low, high) of each activation, by layer name."""
    found = {}
    for layer in model.layers:
        weights = {_base_name(weight): weight for weight in layer.weights}
        for place in ("output", "post_activation"):
            if f"{place}_min" in weights:
                found[_wrapped(layer).name] = (
                    weights[f"{place}_min"],
                    weights[f"{place}_max"],
                )
    return found


def _base_name(weight):
    return weight.name.split("/")[-1].split(":")[0]
