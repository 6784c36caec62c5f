"""MobileNetV3 (Howard et al., ICCV 2019), for clips and for streams."""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from tsm_keras.models.backbones.convolution import activate, convolution_of
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

_SQUEEZE = 0.25  # Channels inside squeeze-and-excitation, of those outside.


class Block(NamedTuple):
    """One block of the network, a row `bneck` of table 1 or 2 of the paper."""

    kernel_size: int
    hidden: int  # The paper calls it "exp size".
    channels: int
    squeezes: bool
    activation: str
    stride: int


# Blocks with the same number of channels form a stage.
LARGE = (
    (Block(3, 16, 16, False, "relu", 1),),
    (
        Block(3, 64, 24, False, "relu", 2),
        Block(3, 72, 24, False, "relu", 1),
    ),
    (
        Block(5, 72, 40, True, "relu", 2),
        Block(5, 120, 40, True, "relu", 1),
        Block(5, 120, 40, True, "relu", 1),
    ),
    (
        Block(3, 240, 80, False, "hard_swish", 2),
        Block(3, 200, 80, False, "hard_swish", 1),
        Block(3, 184, 80, False, "hard_swish", 1),
        Block(3, 184, 80, False, "hard_swish", 1),
    ),
    (
        Block(3, 480, 112, True, "hard_swish", 1),
        Block(3, 672, 112, True, "hard_swish", 1),
    ),
    (
        Block(5, 672, 160, True, "hard_swish", 2),
        Block(5, 960, 160, True, "hard_swish", 1),
        Block(5, 960, 160, True, "hard_swish", 1),
    ),
)
SMALL = (
    (Block(3, 16, 16, True, "relu", 2),),
    (
        Block(3, 72, 24, False, "relu", 2),
        Block(3, 88, 24, False, "relu", 1),
    ),
    (
        Block(5, 96, 40, True, "hard_swish", 2),
        Block(5, 240, 40, True, "hard_swish", 1),
        Block(5, 240, 40, True, "hard_swish", 1),
    ),
    (
        Block(5, 120, 48, True, "hard_swish", 1),
        Block(5, 144, 48, True, "hard_swish", 1),
    ),
    (
        Block(5, 288, 96, True, "hard_swish", 2),
        Block(5, 576, 96, True, "hard_swish", 1),
        Block(5, 576, 96, True, "hard_swish", 1),
    ),
)


def mobilenet_v3(
    frames: Any,
    config: "NetworkConfig",
    mark: "Mark",
    *,
    stages: tuple[tuple[Block, ...], ...],
) -> dict[str, Any]:
    """Applies MobileNetV3 up to its last convolution before the pool.

    The input of each residual branch is a mark, where a temporal operator is
    applied; Large has 10 of them, Small 6.

    Args:
        frames: `[N, H, W, C]` normalised frames.
        config: The `stride_padding` and `batch_norm_epsilon` of its part
            `backbone` are used.
        mark: Applies the temporal operators.
        stages: `LARGE` or `SMALL`.

    Returns:
        The features of each stage, by name. The last one, `head`, is
        `[N, H / 32, W / 32, 960]` (Large) or `[..., 576]`.
    """
    conv = convolution_of(config.backbone)
    x = conv(
        frames,
        16,
        3,
        stride=2,
        activation="hard_swish",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    features = {"stem": x}
    for number, blocks in enumerate(stages, 1):
        for index, block in enumerate(blocks):
            x = inverted_residual(
                x,
                block.channels,
                hidden=block.hidden,
                kernel_size=block.kernel_size,
                stride=block.stride,
                activation=block.activation,
                squeezed=channels(block.hidden, _SQUEEZE)
                if block.squeezes
                else 0,
                name=block_name(number, index),
                mark=mark,
                conv=conv,
            )
        features[stage_name(number)] = x
    features["head"] = conv(
        x,
        stages[-1][-1].hidden,
        1,
        activation="hard_swish",
        name="head_conv",
        batch_norm_name="head_bn",
    )
    return features


def head_after_pool(x: Any, config: "NetworkConfig", *, filters: int) -> Any:
    """Applies the convolution that the paper moved behind the pool.

    Args:
        x: `[N, C]` pooled features.
        config: Not used; MobileNetV3 has no normalization here.
        filters: 1280 (Large) or 1024 (Small).

    Returns:
        `[N, filters]`.
    """
    from tensorflow import keras

    x = keras.layers.Dense(filters, name="head_dense")(x)
    return activate(x, "hard_swish", name="head_dense_hard_swish")


def _ends(_: float, *, stages, filters) -> dict[str, int]:
    return {
        "stem_conv": 16,
        **{
            f"{block_name(number, index)}_project": block.channels
            for number, blocks in enumerate(stages, 1)
            for index, block in enumerate(blocks)
        },
        "head_conv": stages[-1][-1].hidden,
        "head_dense": filters,
    }


MOBILENET_V3S = tuple(
    Backbone(
        name=f"mobilenet_v3_{size}",
        family="mobilenet_v3",
        build=functools.partial(mobilenet_v3, stages=stages),
        blocks=tuple(map(len, stages)),
        has_head=True,
        # The first stage of Small has a stride, so it is not residual.
        marked_stages=tuple(
            number
            for number, blocks in enumerate(stages, 1)
            if blocks[-1].stride == 1
        ),
        head_after_pool=functools.partial(head_after_pool, filters=filters),
        imagenet=ImageNetFile(weights),
        ends=functools.partial(_ends, stages=stages, filters=filters),
    )
    for size, stages, filters, weights in (
        ("large", LARGE, 1280, "mobilenetv3_large_100_ra-f55367f5"),
        ("small", SMALL, 1024, "mobilenetv3_small_100_lamb-266a294c"),
    )
)
