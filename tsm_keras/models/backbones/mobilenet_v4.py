"""MobileNetV4-Conv (Qin et al., ECCV 2024), for clips and for streams."""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from tsm_keras.models.backbones.convolution import activate, convolution_of
from tsm_keras.models.backbones.inverted_residual import channels
from tsm_keras.models.backbones.record import (
    Backbone,
    block_name,
    stage_name,
)

if TYPE_CHECKING:
    from tsm_keras.models.config import NetworkConfig
    from tsm_keras.models.operators.marks import Mark


class Conv(NamedTuple):
    """A convolution with normalization and ReLU."""

    kernel_size: int
    channels: int
    stride: int


class Fused(NamedTuple):
    """A `FusedIB`: a 3x3 convolution that expands, then a 1x1 convolution."""

    expansion: int
    channels: int
    stride: int


class Universal(NamedTuple):
    """A universal inverted bottleneck (figure 4 of the paper).

    `ExtraDW` has both depthwise convolutions, `IB` only the middle one,
    `ConvNext` only the first one, `FFN` none.
    """

    start: int  # The kernel of the depthwise convolution before; 0 for none.
    middle: int  # The kernel of the depthwise convolution between; 0 for none.
    expansion: int
    channels: int
    stride: int = 1


# The rows of the tables of MNv4-Conv-S and MNv4-Conv-M in the paper's appendix,
# between the stem and the last convolutions.
SMALL = (
    (Conv(3, 32, 2), Conv(1, 32, 1)),
    (Conv(3, 96, 2), Conv(1, 64, 1)),
    (
        Universal(5, 5, 3, 96, 2),
        Universal(0, 3, 2, 96),
        Universal(0, 3, 2, 96),
        Universal(0, 3, 2, 96),
        Universal(0, 3, 2, 96),
        Universal(3, 0, 4, 96),
    ),
    (
        Universal(3, 3, 6, 128, 2),
        Universal(5, 5, 4, 128),
        Universal(0, 5, 4, 128),
        Universal(0, 5, 3, 128),
        Universal(0, 3, 4, 128),
        Universal(0, 3, 4, 128),
    ),
)
MEDIUM = (
    (Fused(4, 48, 2),),
    (
        Universal(3, 5, 4, 80, 2),
        Universal(3, 3, 2, 80),
    ),
    (
        Universal(3, 5, 6, 160, 2),
        Universal(3, 3, 4, 160),
        Universal(3, 3, 4, 160),
        Universal(3, 5, 4, 160),
        Universal(3, 3, 4, 160),
        Universal(3, 0, 4, 160),
        Universal(0, 0, 2, 160),
        Universal(3, 0, 4, 160),
    ),
    (
        Universal(5, 5, 6, 256, 2),
        Universal(5, 5, 4, 256),
        Universal(3, 5, 4, 256),
        Universal(3, 5, 4, 256),
        Universal(0, 0, 4, 256),
        Universal(3, 0, 4, 256),
        Universal(3, 5, 2, 256),
        Universal(5, 5, 4, 256),
        Universal(0, 0, 4, 256),
        Universal(0, 0, 4, 256),
        Universal(5, 0, 2, 256),
    ),
)


def mobilenet_v4(
    frames: Any,
    config: "NetworkConfig",
    mark: "Mark",
    *,
    stages: tuple[tuple[Conv | Fused | Universal, ...], ...],
) -> dict[str, Any]:
    """Applies MobileNetV4 up to its last convolution before the pool.

    The input of each residual branch is a mark, where a temporal operator is
    applied; Conv-S has 10 of them, Conv-M 18.

    Args:
        frames: `[N, H, W, C]` normalised frames.
        config: The `stride_padding` and `batch_norm_epsilon` of its part
            `backbone` are used.
        mark: Applies the temporal operators.
        stages: `SMALL` or `MEDIUM`.

    Returns:
        The features of each stage, by name. The last one, `head`, is
        `[N, H / 32, W / 32, 960]`.
    """
    padded = convolution_of(config.backbone)

    def conv(x, filters, kernel_size, name, **options):
        return padded(
            x,
            filters,
            kernel_size,
            name=name,
            batch_norm_name=f"{name}_bn",
            **options,
        )

    x = padded(
        frames,
        32,
        3,
        stride=2,
        activation="relu",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    features = {"stem": x}
    for number, blocks in enumerate(stages, 1):
        for index, block in enumerate(blocks):
            name = block_name(number, index)
            if isinstance(block, Conv):
                kernel_size, filters, stride = block
                x = conv(
                    x,
                    filters,
                    kernel_size,
                    f"{name}_conv",
                    stride=stride,
                    activation="relu",
                )
            elif isinstance(block, Fused):
                x = _fused(x, block, name=name, conv=conv)
            else:
                x = _universal(x, block, name=name, mark=mark, conv=conv)
        features[stage_name(number)] = x
    features["head"] = padded(
        x,
        960,
        1,
        activation="relu",
        name="head_conv",
        batch_norm_name="head_bn",
    )
    return features


def head_after_pool(x: Any, config: "NetworkConfig") -> Any:
    """Applies the convolution behind the pool.

    Args:
        x: `[N, C]` pooled features.
        config: The `batch_norm_epsilon` of its part `backbone` is used.

    Returns:
        `[N, 1280]`.
    """
    from tensorflow import keras

    from tsm_keras.layers.batch_normalization import (
        MOMENTUM,
        BatchNormalization,
    )

    x = keras.layers.Dense(1280, use_bias=False, name="head_dense")(x)
    x = BatchNormalization(
        momentum=MOMENTUM,
        epsilon=config.backbone.batch_norm_epsilon,
        name="head_dense_bn",
    )(x)
    return activate(x, "relu", name="head_dense_bn_relu")


def _ends(_: float, *, stages) -> dict[str, int]:
    return {
        "stem_conv": 32,
        **{
            block_name(number, index)
            + ("_conv" if isinstance(block, Conv) else "_project"): (
                block.channels
            )
            for number, blocks in enumerate(stages, 1)
            for index, block in enumerate(blocks)
        },
        "head_conv": 960,
        "head_dense": 1280,
    }


MOBILENET_V4S = tuple(
    Backbone(
        name=f"mobilenet_v4_conv_{size}",
        family="mobilenet_v4",
        build=functools.partial(mobilenet_v4, stages=stages),
        blocks=tuple(map(len, stages)),
        has_head=True,
        marked_stages=tuple(
            number
            for number, blocks in enumerate(stages, 1)
            if isinstance(blocks[-1], Universal)
        ),
        head_after_pool=head_after_pool,
        ends=functools.partial(_ends, stages=stages),
    )
    for size, stages in (("small", SMALL), ("medium", MEDIUM))
)


def _fused(x, block, *, name, conv):
    x = conv(
        x,
        channels(x.shape[-1], block.expansion),
        3,
        f"{name}_fused",
        stride=block.stride,
        activation="relu",
    )
    return conv(x, block.channels, 1, f"{name}_project")


def _universal(x, block, *, name, mark, conv):
    from tensorflow import keras

    hidden = channels(x.shape[-1], block.expansion)
    residual = block.stride == 1 and x.shape[-1] == block.channels
    identity = x
    if residual:
        x, identity = mark(x, name=name)
    if block.start:
        x = conv(
            x,
            None,
            block.start,
            f"{name}_start",
            # The stride is on the convolution with more channels.
            stride=1 if block.middle else block.stride,
            depthwise=True,
        )
    x = conv(x, hidden, 1, f"{name}_expand", activation="relu")
    if block.middle:
        x = conv(
            x,
            None,
            block.middle,
            f"{name}_middle",
            stride=block.stride,
            depthwise=True,
            activation="relu",
        )
    x = conv(x, block.channels, 1, f"{name}_project", ends_branch=residual)
    if residual:
        x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return x
