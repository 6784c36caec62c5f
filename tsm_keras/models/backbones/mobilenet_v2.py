"""MobileNetV2 (Sandler et al., CVPR 2018), for clips and for streams."""

from typing import TYPE_CHECKING, Any, NamedTuple

from tsm_keras.models.backbones.convolution import convolution_of
from tsm_keras.models.backbones.inverted_residual import (
    channels,
    inverted_residual,
)
from tsm_keras.models.backbones.record import (
    Backbone,
    ImageNetWeights,
    block_name,
    stage_name,
)

if TYPE_CHECKING:
    from tsm_keras.models.config import NetworkConfig
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
    frames: Any, config: "NetworkConfig", mark: "Mark"
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
    conv = convolution_of(config.backbone)
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
            x = inverted_residual(
                x,
                channels(stage.channels, config.backbone.width),
                hidden=stage.expansion * x.shape[-1],
                stride=stage.stride if block == 0 else 1,
                name=block_name(number, block),
                mark=mark if stage.expansion > 1 else None,
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


def ends(width: float) -> dict[str, int]:
    """Returns the channels for `Backbone.ends`."""
    return {
        "stem_conv": channels(32, width),
        **{
            f"{block_name(number, block)}_project": channels(
                stage.channels, width
            )
            for number, stage in enumerate(STAGES, 1)
            for block in range(stage.blocks)
        },
        "head_conv": channels(1280, max(1.0, width)),
    }


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
    marked_stages=tuple(
        number
        for number, stage in enumerate(STAGES, 1)
        if stage.expansion > 1 and stage.blocks > 1
    ),
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
    ends=ends,
)
