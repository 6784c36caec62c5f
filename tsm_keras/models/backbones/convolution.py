"""Convolution, batch normalization, activation: what backbones are made of."""

from typing import Any

# Moving averages as PyTorch's momentum of 0.1 has them.
_BATCH_NORM_MOMENTUM = 0.9


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
        filters: Output channels (ignored by a depthwise convolution, which
            keeps those of `x`).
        kernel_size: Odd height and width of the kernel.
        name: Name of the convolution layer.
        batch_norm_name: Name of the normalization layer.
        stride: 1 or 2.
        depthwise: One filter per channel.
        activation: `"relu"`, `"relu6"` or None.
        stride_padding: How stride-2 convolutions pad; see
            `VideoClassifierConfig`.
        epsilon: The epsilon of the batch normalization.
        ends_branch: Whether `x` is about to be added to an identity path: the
            scale then starts at zero, so that a block starts as the identity
            (Goyal et al., 2017, section 5.1). From scratch this halves the
            epochs that small networks need.

    Returns:
        `[N, H / stride, W / stride, filters]`.
    """
    # Here, so that the table of backbones is read without TensorFlow.
    from tensorflow import keras

    from tsm_keras.layers.batch_normalization import BatchNormalization

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
        momentum=_BATCH_NORM_MOMENTUM,
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
