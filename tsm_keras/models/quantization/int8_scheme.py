"""int8_scheme: tells tfmot where and how an int8 network rounds.

It needs tfmot (TensorFlow Model Optimization), so it is imported only when it
is used: `pip install "tsm-keras[qat]"`.
"""

from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow import keras

_QUANTIZATION: Any = tfmot.quantization.keras


class NoOpConfig(_QUANTIZATION.QuantizeConfig):
    """Rounds nothing; for layers that only move values."""

    def get_weights_and_quantizers(self, layer):
        return []

    def get_activations_and_quantizers(self, layer):
        return []

    def set_quantize_weights(self, layer, quantize_weights):
        pass

    def set_quantize_activations(self, layer, quantize_activations):
        pass

    def get_output_quantizers(self, layer):
        return []

    def get_config(self):
        return {}


class OutputConfig(NoOpConfig):
    """Rounds the output of a layer without weights."""

    def get_output_quantizers(self, layer):
        quantizer = _QUANTIZATION.quantizers.MovingAverageQuantizer(
            num_bits=8, per_axis=False, symmetric=False, narrow_range=False
        )
        return [quantizer]


class Int8Scheme(_QUANTIZATION.default_8bit.Default8BitQuantizeScheme):
    """tfmot's default scheme with one range per channel of depthwise kernels.

    tfmot takes the last axis of a kernel for its channels. In a depthwise
    kernel that is the depth multiplier, so tfmot gives all channels the same
    range, whereas TFLite has one range per channel.
    """

    def get_quantize_registry(self):
        return _Registry()


class _Registry(_QUANTIZATION.default_8bit.Default8BitQuantizeRegistry):
    def get_quantize_config(self, layer):
        config = super().get_quantize_config(layer)
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            config.weight_quantizer = _DepthwiseKernelQuantizer()
        return config


class _DepthwiseKernelQuantizer(_QUANTIZATION.quantizers.LastValueQuantizer):
    """Rounds `[H, W, C, 1]` kernels with one symmetric range per channel."""

    def __init__(self):
        super().__init__(
            num_bits=8, per_axis=True, symmetric=True, narrow_range=True
        )

    def build(self, tensor_shape, name, layer):
        return {
            f"{limit}_var": layer.add_weight(
                f"{name}_{limit}",
                shape=(tensor_shape[2],),
                initializer=keras.initializers.Constant(start),
                trainable=False,
            )
            for limit, start in (("min", -6.0), ("max", 6.0))
        }

    def __call__(self, inputs, training, weights, **kwargs):
        height, width, channels, multiplier = inputs.shape
        rounded = super().__call__(
            tf.reshape(inputs, (height, width, multiplier, channels)),
            training,
            weights,
            **kwargs,
        )
        return tf.reshape(rounded, inputs.shape)
