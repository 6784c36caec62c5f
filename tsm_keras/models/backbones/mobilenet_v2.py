"""MobileNetV2 (Sandler et al., CVPR 2018), written once for all of time."""

import functools
from typing import Any, NamedTuple

from tensorflow import keras

from tsm_keras.models.backbones.convolution import TemporalHook, conv_batch_norm


class Stage(NamedTuple):
    """A row of table 2 of the paper."""

    expansion: int
    channels: int
    blocks: int
    stride: int  # Of the first block.


STAGES = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)


def mobilenet_v2(
    frames: Any,
    *,
    temporal: TemporalHook,
    width: float = 1.0,
    placement: str = "residual",
    stride_padding: str = "symmetric",
    batch_norm_epsilon: float = 1e-5,
) -> Any:
    """Applies MobileNetV2 up to its last convolution.

    Args:
        frames: `[N, H, W, 3]` normalised frames.
        temporal: Called as `temporal(x, name=...)` on the input of every
            residual branch of expansion > 1 (10 of them); returns the tensor
            to go on with.
        width: Channel multiplier.
        placement: Whether the identity path takes the hook's input
            (`"residual"`) or its output (`"inplace"`).
        stride_padding: See `VideoClassifierConfig`.
        batch_norm_epsilon: Of every batch normalization.

    Returns:
        `[N, H / 32, W / 32, 1280]` features (more for widths above 1).
    """
    conv = functools.partial(
        conv_batch_norm,
        stride_padding=stride_padding,
        epsilon=batch_norm_epsilon,
    )
    x = conv(
        frames,
        channels(32, width),
        3,
        stride=2,
        activation="relu6",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    index = 0
    for expansion, filters, blocks, first_stride in STAGES:
        for block in range(blocks):
            x = _inverted_residual(
                x,
                expansion,
                channels(filters, width),
                stride=first_stride if block == 0 else 1,
                name=f"block_{index:02d}",
                temporal=temporal,
                placement=placement,
                conv=conv,
            )
            index += 1
    return conv(
        x,
        channels(1280, max(1.0, width)),
        1,
        activation="relu6",
        name="head_conv",
        batch_norm_name="head_bn",
    )


def channels(base: int, width: float) -> int:
    """Scales a channel count to a multiple of 8, at most 10% below."""
    scaled = base * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8


def _inverted_residual(
    x, expansion, filters, *, stride, name, temporal, placement, conv
):
    inputs = x.shape[-1]
    residual = stride == 1 and inputs == filters
    identity = x
    if residual and expansion > 1:
        x = temporal(x, name=f"{name}_shift")
        identity = x if placement == "inplace" else identity
    if expansion > 1:
        x = conv(
            x,
            inputs * expansion,
            1,
            activation="relu6",
            name=f"{name}_expand",
            batch_norm_name=f"{name}_expand_bn",
        )
    x = conv(
        x,
        None,
        3,
        stride=stride,
        depthwise=True,
        activation="relu6",
        name=f"{name}_depthwise",
        batch_norm_name=f"{name}_depthwise_bn",
    )
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
