"""ResNet v1.5 (He et al., CVPR 2016), for clips and for streams."""

import functools
from typing import TYPE_CHECKING, Any

from tsm_keras.models.backbones.convolution import convolution_of
from tsm_keras.models.backbones.record import (
    Backbone,
    ImageNetFile,
    block_name,
    stage_name,
)

if TYPE_CHECKING:
    from tsm_keras.models.config import NetworkConfig
    from tsm_keras.models.operators.marks import Mark

# Table 1 of the paper: block kind and blocks in each of the four stages.
DEPTHS = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
}
_STAGE_FILTERS = (64, 128, 256, 512)
_BOTTLENECK_EXPANSION = 4

# If stage 3 has at least this many blocks, only every second block of each
# stage mixes time (reference: ops/temporal_shift.py, `n_round`).
_SPARSE_MARKS_FROM = 23

# The (stage, block) pairs whose output is marked, by depth (reference:
# ops/non_local.py, `make_non_local`).
_BLOCK_MARKS = {50: ((2, 0), (2, 2), (3, 0), (3, 2), (3, 4))}


def resnet(
    frames: Any,
    config: "NetworkConfig",
    mark: "Mark",
    *,
    depth: int,
) -> dict[str, Any]:
    """Applies a ResNet up to its last block.

    The input of the residual branch of every block is a mark, where a temporal
    operator is applied; in ResNet-101 only every second block of each stage has
    one. In ResNet-50 the output of some blocks is a mark too.

    Args:
        frames: `[N, H, W, C]` normalised frames.
        config: Its `stride_padding` and `batch_norm_epsilon` are used.
        mark: Applies the temporal operators.
        depth: 18, 34, 50 or 101. The stride is on the 3x3 convolution.

    Returns:
        The features of each stage, by name. The last one is
        `[N, H / 32, W / 32, 512]` (depths 18 and 34) or `[..., 2048]`.
    """
    from tensorflow import keras

    kind, stages = DEPTHS[depth]
    conv = convolution_of(config.backbone)
    x = conv(
        frames,
        64,
        7,
        stride=2,
        activation="relu",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    # Outputs of a ReLU are at least 0, so padding with zeros gives the same
    # maxima as PyTorch's padding with -inf.
    x = keras.layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    features = {"stem": x}
    mark_every = 2 if stages[2] >= _SPARSE_MARKS_FROM else 1
    for stage, blocks in enumerate(stages, 1):
        for block in range(blocks):
            name = block_name(stage, block)
            identity = x
            if block % mark_every == 0:
                x, identity = mark(x, name=name)
            x = _block(
                x,
                identity,
                kind,
                _STAGE_FILTERS[stage - 1],
                stride=2 if stage > 1 and block == 0 else 1,
                name=name,
                conv=conv,
            )
            if (stage, block) in _BLOCK_MARKS.get(depth, ()):
                x = mark.after_block(x, name=name)
        features[stage_name(stage)] = x
    return features


# Files of torchvision.
IMAGENET = {
    18: ImageNetFile("resnet18-f37072fd"),
    34: ImageNetFile("resnet34-b627a593"),
    50: ImageNetFile("resnet50-0676ba61"),
    101: ImageNetFile("resnet101-63fe2227"),
}

RESNETS = tuple(
    Backbone(
        name=f"resnet{depth}",
        family="resnet",
        build=functools.partial(resnet, depth=depth),
        blocks=blocks,
        block_marks=_BLOCK_MARKS.get(depth, ()),
        imagenet=IMAGENET[depth],
    )
    for depth, (_, blocks) in DEPTHS.items()
)


def _block(x, identity, kind, filters, *, stride, name, conv):
    from tensorflow import keras

    # Kernel size, filters and stride of each convolution of the branch.
    outputs = filters * (_BOTTLENECK_EXPANSION if kind == "bottleneck" else 1)
    branch = {
        "basic": ((3, filters, stride), (3, outputs, 1)),
        "bottleneck": ((1, filters, 1), (3, filters, stride), (1, outputs, 1)),
    }[kind]
    for index, (kernel_size, channels, conv_stride) in enumerate(branch, 1):
        x = conv(
            x,
            channels,
            kernel_size,
            stride=conv_stride,
            activation="relu" if index < len(branch) else None,
            ends_branch=index == len(branch),
            name=f"{name}_conv_{index}",
            batch_norm_name=f"{name}_bn_{index}",
        )
    if stride > 1 or identity.shape[-1] != outputs:
        identity = conv(
            identity,
            outputs,
            1,
            stride=stride,
            name=f"{name}_downsample_conv",
            batch_norm_name=f"{name}_downsample_bn",
        )
    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=f"{name}_out")(x)
