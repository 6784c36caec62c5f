"""The building block of backbones: convolution, batch norm, activation."""

from typing import Any


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
        activation: `"relu"`, `"relu6"` or None.
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
    return keras.layers.ReLU(
        max_value=6.0 if activation == "relu6" else None,
        name=f"{batch_norm_name}_{activation}",
    )(x)
