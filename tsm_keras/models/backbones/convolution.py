"""The building blocks of backbones: convolutions and activations."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsm_keras.models.config import BackboneConfig


def convolution_of(config: "BackboneConfig") -> Callable[..., Any]:
    """Returns `conv_batch_norm` with the padding and epsilon of a config."""
    return functools.partial(
        conv_batch_norm,
        stride_padding=config.stride_padding,
        epsilon=config.batch_norm_epsilon,
    )


def conv_batch_norm(
    x: Any,
    filters: int,
    kernel_size: int,
    *,
    name: str,
    batch_norm_name: str,
    stride: int = 1,
    depthwise: bool = False,
    activation: str | None = None,
    stride_padding: str = "symmetric",
    epsilon: float = 1e-5,
    ends_branch: bool = False,
) -> Any:
    """Applies a convolution without bias, then batch normalization.

    Args:
        x: `[N, H, W, C]` features.
        filters: The number of output channels; a depthwise convolution ignores
            it and keeps the channels of `x`.
        kernel_size: Height and width of the kernel, an odd number.
        name: The name of the convolution layer.
        batch_norm_name: The name of the normalization layer.
        stride: 1 or 2.
        depthwise: Whether the convolution has one filter per channel.
        activation: An activation of `activate`, or None.
        stride_padding: The padding of stride-2 convolutions, as in
            `VideoClassifierConfig`.
        epsilon: The epsilon of the batch normalization.
        ends_branch: Whether the result is added to an identity path. The scale
            of the normalization then starts at zero, so that a new block is the
            identity (Goyal et al., 2017, section 5.1). Small networks then need
            half as many epochs from random weights.

    Returns:
        `[N, H / stride, W / stride, filters]`.
    """
    # Imported here, so that the table of backbones needs no TensorFlow.
    from tensorflow import keras

    from tsm_keras.layers.batch_normalization import (
        MOMENTUM,
        BatchNormalization,
    )

    padding = "same"
    if stride > 1 and kernel_size > 1 and stride_padding == "symmetric":
        x = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    initializer = keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )
    shared = {
        "strides": stride,
        "padding": padding,
        "use_bias": False,
        "name": name,
    }
    if depthwise:
        x = keras.layers.DepthwiseConv2D(
            kernel_size, depthwise_initializer=initializer, **shared
        )(x)
    else:
        x = keras.layers.Conv2D(
            filters, kernel_size, kernel_initializer=initializer, **shared
        )(x)
    x = BatchNormalization(
        momentum=MOMENTUM,
        epsilon=epsilon,
        gamma_initializer="zeros" if ends_branch else "ones",
        name=batch_norm_name,
    )(x)
    if activation is None:
        return x
    return activate(x, activation, name=f"{batch_norm_name}_{activation}")


def activate(x: Any, activation: str, *, name: str) -> Any:
    """Applies an activation.

    Args:
        x: Features of any shape.
        activation: `"relu"`, `"relu6"`, `"hard_sigmoid"` or `"hard_swish"`,
            which is `x` times its hard sigmoid (MobileNetV3, section 5.2).
        name: The name of the layer.
    """
    from tensorflow import keras

    from tsm_keras.layers.hard_sigmoid import HardSigmoid

    if activation == "hard_sigmoid":
        return HardSigmoid(name=name)(x)
    if activation == "hard_swish":
        gate = HardSigmoid(name=f"{name}_gate")(x)
        return keras.layers.Multiply(name=name)([x, gate])
    return keras.layers.ReLU(
        max_value={"relu": None, "relu6": 6.0}[activation], name=name
    )(x)
