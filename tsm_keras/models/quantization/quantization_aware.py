"""quantization_aware: a network that computes in float what int8 would give.

Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, by TensorFlow Model Optimization
(tfmot), which knows tf_keras only.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.keras_version import KERAS_3
from tsm_keras.layers.concatenate_channels import ConcatenateChannels
from tsm_keras.layers.fake_quantized_normalization import (
    FakeQuantizedNormalization,
)
from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.slice_channels import SliceChannels
from tsm_keras.layers.temporal_shift import TemporalShift
from tsm_keras.layers.unfold_time import UnfoldTime
from tsm_keras.models.precision import without_mixed_precision

# Smallest and largest value that int8 stands for, by layer.
Ranges = Mapping[str, tuple[float, float]]

# Layers that only move values have no range of their own.
_MOVES = (TemporalShift, SliceChannels, ConcatenateChannels)
# Layers that only reshape stay as they are.
_RESHAPES = (keras.layers.InputLayer, FoldTime, UnfoldTime)


@without_mixed_precision()
def quantization_aware(model: keras.Model) -> keras.Model:
    """Returns a copy of a network that rounds where its int8 artifact does.

    tfmot's default 8-bit scheme decides where: kernels per channel, and all
    activations except those between a convolution, its batch normalization
    and its ReLU, which become one operation. The copy trains in float.

    Args:
        model: A clip model, or a network from `to_streaming` or
            `to_single_clip`.

    Returns:
        A model with the same inputs, outputs and weights, whose layer
        `quant_x` wraps the layer `x`.

    Raises:
        ImportError: If this is Keras 3, or tfmot is missing.
    """
    tfmot = _import_tfmot()
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

    # tfmot rewires models of lists, not of dictionaries.
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
    packed.video_config = getattr(model, "video_config", None)
    return packed


def copy_float_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies weights by name, to or from a quantization-aware network.

    Ranges of activations are left as they are. Those of kernels follow from
    the kernels' values.
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
        ValueError: If a layer's range is missing. (A stream needs none for
            the consensus.)
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
    """Gives each cache input the range of the tensor its output is cut from.

    What leaves a stream's step then enters the next one as it is. `model` is
    quantization-aware, made from a streaming network.
    """
    ranges = _ranges(model)
    for name, output in model.output.items():
        if not name.startswith("cache_"):
            continue
        features = output._keras_history.layer
        while _wrapped(features).name not in ranges:
            # The last part of a cache of several frames is this frame.
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
    """Lists a layer's weights as (layer's name, weight's name) -> variable."""
    return {
        (_wrapped(layer).name, _base_name(weight)): weight
        for weight in layer.weights
    }


def _ranges(model):
    """Returns (low, high) variables of the activations, by layer name."""
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
