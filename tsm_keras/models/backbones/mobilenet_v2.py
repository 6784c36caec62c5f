"""MobileNetV2 (Sandler et al., CVPR 2018), for clips and for streams."""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from tsm_keras.models.backbones.convolution import conv_batch_norm
from tsm_keras.models.backbones.record import (
    Backbone,
    ImageNetWeights,
    block_name,
    stage_name,
)

if TYPE_CHECKING:
    from tsm_keras.models.config import VideoClassifierConfig
    from tsm_keras.models.operators.marks import Mark


class Stage(NamedTuple):
    """One stage of the network, a row of table 2 of the paper."""

    expansion: int
    channels: int
    blocks: int
    stride: int  # The stride of the first block; the others have 1.


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
    frames: Any, config: "VideoClassifierConfig", mark: "Mark"
) -> dict[str, Any]:
    """Applies MobileNetV2 up to its last convolution.

    The input of each of the 10 residual branches is a mark, where a temporal
    operator is applied.

    Args:
        frames: `[N, H, W, C]` normalised frames.
        config: Its `width`, `stride_padding` and `batch_norm_epsilon` are used.
        mark: Applies the temporal operators.

    Returns:
        The features of each stage, by name. The last one, `head`, is
        `[N, H / 32, W / 32, 1280]` (more channels for widths above 1).
    """
    conv = functools.partial(
        conv_batch_norm,
        stride_padding=config.backbone.stride_padding,
        epsilon=config.backbone.batch_norm_epsilon,
    )
    x = conv(
        frames,
        channels(32, config.backbone.width),
        3,
        stride=2,
        activation="relu6",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    features = {"stem": x}
    for number, stage in enumerate(STAGES, 1):
        for block in range(stage.blocks):
            x = _inverted_residual(
                x,
                stage.expansion,
                channels(stage.channels, config.backbone.width),
                stride=stage.stride if block == 0 else 1,
                name=block_name(number, block),
                mark=mark,
                conv=conv,
            )
        features[stage_name(number)] = x
    features["head"] = conv(
        x,
        channels(1280, max(1.0, config.backbone.width)),
        1,
        activation="relu6",
        name="head_conv",
        batch_norm_name="head_bn",
    )
    return features


def channels(base: int, width: float) -> int:
    """Scales a channel count and rounds it to a multiple of 8.

    Rounding takes off at most 10%.
    """
    scaled = base * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8


def applications_name(layer_name: str) -> str:
    """Returns the name that `keras.applications` gives to one of our layers.

    >>> applications_name("stage_02_block_01_expand_bn")
    'block_2_expand_BN'
    """
    place = MOBILENET_V2.place_of(layer_name)
    if place is None:
        return {
            "stem_conv": "Conv1",
            "stem_bn": "bn_Conv1",
            "head_conv": "Conv_1",
            "head_bn": "Conv_1_bn",
        }[layer_name]
    block = f"block_{place.position}" if place.position else "expanded_conv"
    return f"{block}_{place.part.replace('_bn', '_BN')}"


MOBILENET_V2 = Backbone(
    name="mobilenet_v2",
    family="mobilenet_v2",
    build=mobilenet_v2,
    blocks=tuple(stage.blocks for stage in STAGES),
    any_width=True,
    has_head=True,
    imagenet=ImageNetWeights(
        application="MobileNetV2",
        widths=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
        conventions={
            # These two differ in the network.
            "stride_padding": "same",
            "batch_norm_epsilon": 1e-3,
            # These two map the input to [-1, 1].
            "pixel_mean": (127.5, 127.5, 127.5),
            "pixel_std": (127.5, 127.5, 127.5),
        },
        layer_name=applications_name,
    ),
)


def _inverted_residual(x, expansion, filters, *, stride, name, mark, conv):
    from tensorflow import keras

    inputs = x.shape[-1]
    residual = stride == 1 and inputs == filters
    identity = x
    if residual and expansion > 1:
        x, identity = mark(x, name=name)
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
