"""ResNet v1.5 (He et al., CVPR 2016), written once for all of time."""

import functools
from typing import Any

from tensorflow import keras

from tsm_keras.models.backbones.convolution import TemporalHook, conv_batch_norm

# Table 1 of the paper: block kind and blocks in each of the four stages.
DEPTHS = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
}
_STAGE_FILTERS = (64, 128, 256, 512)
_BOTTLENECK_EXPANSION = 4

# From this many blocks in stage 3 on, only every second block of each stage
# mixes time (reference: ops/temporal_shift.py, `n_round`).
_SPARSE_MARKS_FROM = 23

# Stage and block of those that a non-local block follows (reference:
# ops/non_local.py, `make_non_local`).
_NON_LOCAL_AFTER = ((2, 0), (2, 2), (3, 0), (3, 2), (3, 4))


def resnet(
    frames: Any,
    *,
    depth: int,
    temporal: TemporalHook,
    non_local: TemporalHook | None = None,
    placement: str = "residual",
    stride_padding: str = "symmetric",
    batch_norm_epsilon: float = 1e-5,
) -> Any:
    """Applies a ResNet up to its last block.

    Args:
        frames: `[N, H, W, 3]` normalised frames.
        depth: 18, 34, 50 or 101. The stride is on the 3x3 convolution.
        temporal: Called as `temporal(x, name=...)` on the input of residual
            branches: of every block, or of every second block of each stage
            of ResNet-101; returns the tensor to go on with.
        non_local: Called as `non_local(x, name=...)` on the output of blocks 0
            and 2 of stage 2 and 0, 2 and 4 of stage 3, if not None.
        placement: Whether the identity path takes the hook's input
            (`"residual"`) or its output (`"inplace"`).
        stride_padding: See `VideoClassifierConfig`.
        batch_norm_epsilon: Of every batch normalization.

    Returns:
        `[N, H / 32, W / 32, 512]` (basic) or `[..., 2048]` (bottleneck).
    """
    kind, stages = DEPTHS[depth]
    conv = functools.partial(
        conv_batch_norm,
        stride_padding=stride_padding,
        epsilon=batch_norm_epsilon,
    )
    x = conv(
        frames,
        64,
        7,
        stride=2,
        activation="relu",
        name="stem_conv",
        batch_norm_name="stem_bn",
    )
    # Zeros cannot win over the outputs of a ReLU: padding as PyTorch's -inf.
    x = keras.layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    mark_every = 2 if stages[2] >= _SPARSE_MARKS_FROM else 1
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            name = f"stage_{stage + 1}_block_{block:02d}"
            identity = x
            if block % mark_every == 0:
                x = temporal(x, name=f"{name}_shift")
                identity = x if placement == "inplace" else identity
            x = _block(
                x,
                identity,
                kind,
                _STAGE_FILTERS[stage],
                stride=2 if stage > 0 and block == 0 else 1,
                name=name,
                conv=conv,
            )
            if non_local and (stage + 1, block) in _NON_LOCAL_AFTER:
                x = non_local(x, name=f"{name}_non_local")
    return x


def _block(x, identity, kind, filters, *, stride, name, conv):
    # Kernel, filters, stride of each convolution of the residual branch.
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
