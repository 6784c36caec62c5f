"""The inverted residual block, which many mobile networks are made of."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tsm_keras.models.backbones.convolution import activate

if TYPE_CHECKING:
    from tsm_keras.models.operators.marks import Mark


def inverted_residual(
    x: Any,
    filters: int,
    *,
    hidden: int,
    conv: Callable[..., Any],
    name: str,
    mark: "Mark | None",
    kernel_size: int = 3,
    stride: int = 1,
    activation: str = "relu6",
    squeezed: int = 0,
) -> Any:
    """Applies one block (MobileNetV2, figure 4d; MobileNetV3, figure 4).

    A 1x1 convolution expands the channels to `hidden`, a depthwise convolution
    follows, and a second 1x1 convolution projects to `filters`. If the shape
    stays the same, the block's input is added, and the branch is a mark.

    Args:
        x: `[N, H, W, C]` features.
        filters: The number of output channels.
        hidden: The number of channels in between; without an expansion it is
            the number of input channels, and the first convolution is left out.
        conv: `conv_batch_norm` with the conventions of the network.
        name: The name of the block.
        mark: Applies the temporal operators; None if the branch is no mark.
        kernel_size: Height and width of the depthwise kernel.
        stride: The stride of the depthwise convolution.
        activation: The activation, as in `conv_batch_norm`.
        squeezed: The number of channels inside squeeze-and-excitation; 0 leaves
            it out.

    Returns:
        `[N, H / stride, W / stride, filters]`.
    """
    from tensorflow import keras

    inputs = x.shape[-1]
    residual = stride == 1 and inputs == filters
    identity = x
    if residual and mark is not None:
        x, identity = mark(x, name=name)
    if hidden != inputs:
        x = conv(
            x,
            hidden,
            1,
            activation=activation,
            name=f"{name}_expand",
            batch_norm_name=f"{name}_expand_bn",
        )
    x = conv(
        x,
        None,
        kernel_size,
        stride=stride,
        depthwise=True,
        activation=activation,
        name=f"{name}_depthwise",
        batch_norm_name=f"{name}_depthwise_bn",
    )
    if squeezed:
        x = _squeeze_and_excite(x, squeezed, name)
    x = conv(
        x,
        filters,
        1,
        ends_branch=residual,
        name=f"{name}_project",
        batch_norm_name=f"{name}_project_bn",
    )
    if residual:
        x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return x


def channels(base: int, width: float) -> int:
    """Scales a channel count and rounds it to a multiple of 8.

    Rounding takes off at most 10%.
    """
    scaled = base * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8


def _squeeze_and_excite(x, squeezed, name):
    """Multiplies each channel by a weight that the whole frame gives it."""
    from tensorflow import keras

    hidden = x.shape[-1]
    mean = keras.layers.GlobalAveragePooling2D(
        keepdims=True, name=f"{name}_squeeze_pool"
    )(x)
    weights = keras.layers.Conv2D(squeezed, 1, name=f"{name}_squeeze")(mean)
    weights = activate(weights, "relu", name=f"{name}_squeeze_relu")
    weights = keras.layers.Conv2D(hidden, 1, name=f"{name}_excite")(weights)
    weights = activate(
        weights, "hard_sigmoid", name=f"{name}_excite_hard_sigmoid"
    )
    return keras.layers.Multiply(name=f"{name}_excited")([x, weights])
