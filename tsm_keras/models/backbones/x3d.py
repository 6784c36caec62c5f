"""X3D (Feichtenhofer, CVPR 2020), for clips and for streams."""

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tsm_keras.models.backbones.convolution import conv_batch_norm
from tsm_keras.models.backbones.mobilenet_v2 import channels
from tsm_keras.models.backbones.record import Backbone, block_name, stage_name

if TYPE_CHECKING:
    from tsm_keras.models.config import NetworkConfig
    from tsm_keras.models.operators.convolution_3d import Convolution3D
    from tsm_keras.models.operators.marks import Mark


class Stage(NamedTuple):
    """One stage of the network X2D, a row of table 1 of the paper."""

    channels: int
    blocks: int


STAGES = (Stage(24, 1), Stage(48, 2), Stage(96, 5), Stage(192, 3))
HEAD_CHANNELS = 2048
_SQUEEZE = 1 / 16  # The channels that squeeze-and-excitation reduces to.

# The networks of tables 1 and 4: depth, width, bottleneck, frames per clip,
# frames of a video (30 per second) from one to the next, and image size.
_SIZES = {
    "x2d": (1.0, 1.0, 1.0, 1, 1, 112),
    "x3d_xs": (2.2, 1.0, 2.25, 4, 12, 160),
    "x3d_s": (2.2, 1.0, 2.25, 13, 6, 160),
    "x3d_m": (2.2, 1.0, 2.25, 16, 5, 224),
    "x3d_l": (5.0, 1.0, 2.25, 16, 5, 312),
    "x3d_xl": (5.0, 1.45, 2.25, 16, 5, 312),
}
# The fields of `VideoClassifierConfig` of each network of the paper, by name.
X3D_NETWORKS: Mapping[str, Mapping[str, Any]] = {
    name: {
        "backbone": "x3d",
        "depth": depth,
        "width": width,
        "bottleneck": bottleneck,
        "num_segments": frames,
        "frame_interval": rate / 30,
        "image_size": size,
        # As in pytorchvideo and SlowFast.
        "pixel_mean": (0.45 * 255,) * 3,
        "pixel_std": (0.225 * 255,) * 3,
    }
    for name, (depth, width, bottleneck, frames, rate, size) in _SIZES.items()
}


def x3d(frames: Any, config: "NetworkConfig", mark: "Mark") -> dict[str, Any]:
    """Applies X3D up to the last layer before the classifier.

    It has convolutions in time of its own and no marks.

    Args:
        frames: `[N, H, W, C]` normalised frames.
        config: Its `backbone` is used.
        mark: Gives access to the other frames.

    Returns:
        The features of each stage, by name. The last one, `head`, is
        `[N, 1, 1, 2048]`, or has one row per clip if the context is the clip.
    """
    from tensorflow import keras

    factors, layers = config.backbone, keras.layers
    mix: Any = mark.branch  # A `Convolution3D`.
    time = mark.time
    conv = functools.partial(
        conv_batch_norm, epsilon=factors.batch_norm_epsilon
    )
    x = layers.ZeroPadding2D(1, name="stem_conv_pad")(frames)
    x = layers.Conv2D(
        channels(STAGES[0].channels, factors.width),
        3,
        strides=2,
        use_bias=False,
        kernel_initializer="he_normal",
        name="stem_conv",
    )(x)
    x, _ = mix(x, x, time, kernel_size=(5, 1, 1), name="stem_channelwise")
    x = _normalize(x, factors, name="stem_bn")
    x = layers.ReLU(name="stem_bn_relu")(x)
    features = {"stem": x}
    for number, stage in enumerate(STAGES, 1):
        for block in range(math.ceil(stage.blocks * factors.depth)):
            x = _block(
                x,
                channels(stage.channels, factors.width),
                factors,
                stride=2 if block == 0 else 1,
                squeezes=block % 2 == 0,
                name=block_name(number, block),
                mark=mark,
                conv=conv,
            )
        features[stage_name(number)] = x
    x = conv(
        x,
        int(factors.bottleneck * x.shape[-1]),
        1,
        activation="relu",
        name="head_conv",
        batch_norm_name="head_bn",
    )
    x = mix.average(x, time, name="head_average")
    x = layers.Dense(
        HEAD_CHANNELS, use_bias=False, activation="relu", name="head_project"
    )(x)
    features["head"] = layers.Reshape((1, 1, HEAD_CHANNELS), name="head_image")(
        x
    )
    return features


X3D = Backbone(
    name="x3d",
    family="x3d",
    build=x3d,
    # With a depth of 1.
    blocks=tuple(stage.blocks for stage in STAGES),
    any_width=True,
    options=("depth", "bottleneck", "activation", "shortcut_batch_norm"),
    has_head=True,
    mixes_time=True,
)


def _block(x, filters, factors, *, stride, squeezes, name, mark, conv):
    from tensorflow import keras

    inner, identity = int(factors.bottleneck * filters), x
    x = conv(
        x,
        inner,
        1,
        activation="relu",
        name=f"{name}_expand",
        batch_norm_name=f"{name}_expand_bn",
    )
    x, identity = mark.branch(
        x, identity, mark.time, strides=stride, name=f"{name}_channelwise"
    )
    x = _normalize(x, factors, name=f"{name}_channelwise_bn")
    if squeezes:
        x = _squeeze_and_excite(x, mark, name=name)
    x = _swish(x, factors.activation, name=f"{name}_swish")
    x = conv(
        x,
        filters,
        1,
        ends_branch=True,
        name=f"{name}_project",
        batch_norm_name=f"{name}_project_bn",
    )
    if stride > 1 or identity.shape[-1] != filters:
        widens = identity.shape[-1] != filters
        identity = keras.layers.Conv2D(
            filters,
            1,
            strides=stride,
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_shortcut",
        )(identity)
        if widens or factors.shortcut_batch_norm:
            identity = _normalize(identity, factors, name=f"{name}_shortcut_bn")
    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=f"{name}_out")(x)


def _squeeze_and_excite(x, mark, *, name):
    """Multiplies each channel by a factor that depends on all channels."""
    from tensorflow import keras

    from tsm_keras.layers.scale_channels import ScaleChannels

    mix: Convolution3D = mark.branch
    squeezed = mix.average(x, mark.time, name=f"{name}_squeeze")
    for filters, activation, part in (
        (channels(x.shape[-1], _SQUEEZE), "relu", "reduce"),
        (x.shape[-1], "sigmoid", "restore"),
    ):
        squeezed = keras.layers.Dense(
            filters, activation=activation, name=f"{name}_{part}"
        )(squeezed)
    frames = mark.time.num_segments if mix.context == "clip" else 1
    return ScaleChannels(frames, name=f"{name}_excite")((x, squeezed))


def _swish(x, activation, *, name):
    from tensorflow import keras

    layers = keras.layers
    if activation == "swish":
        # The activation "swish" of Keras has a gradient that no file can hold.
        gate = layers.Activation("sigmoid", name=f"{name}_sigmoid")(x)
        return layers.Multiply(name=name)([x, gate])
    # TFLite has one operation for x * relu6(x + 3) / 6.
    gate = layers.Rescaling(1.0, offset=3.0, name=f"{name}_plus_3")(x)
    gate = layers.ReLU(6.0, name=f"{name}_relu6")(gate)
    gate = layers.Multiply(name=f"{name}_times")([x, gate])
    return layers.Rescaling(1 / 6, name=name)(gate)


def _normalize(x, factors, *, name):
    from tsm_keras.layers.batch_normalization import (
        MOMENTUM,
        BatchNormalization,
    )

    return BatchNormalization(
        momentum=MOMENTUM, epsilon=factors.batch_norm_epsilon, name=name
    )(x)
