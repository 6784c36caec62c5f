"""The 2-D network that the clip model and the streaming model share."""

from typing import Any

from tensorflow import keras

from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.models.backbones.convolution import TemporalHook
from tsm_keras.models.backbones.mobilenet_v2 import mobilenet_v2
from tsm_keras.models.backbones.resnet import resnet
from tsm_keras.models.config import VideoClassifierConfig


def frame_logits(
    frames: Any, config: VideoClassifierConfig, temporal: TemporalHook
) -> Any:
    """Applies normalisation, backbone and classifier to every frame.

    Args:
        frames: `[N, H, W, input_channels]` in 0..255; with non-local blocks
            the frames of whole clips, adjacent and in order.
        config: What to build.
        temporal: Called at the marks of the backbone, where time may mix.

    Returns:
        `[N, num_classes]` logits, of `logits_dtype()`.
    """
    x = PixelNormalization(
        config.pixel_mean, config.pixel_std, name="normalize"
    )(frames)
    x = _backbone(x, config, temporal)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    return keras.layers.Dense(
        config.num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        dtype=logits_dtype(),
        name="classifier",
    )(x)


def logits_dtype() -> str:
    """Returns the dtype of logits: float64 if Keras is set to it, else float32.

    So logits keep their digits under mixed precision.
    """
    policy = keras.mixed_precision.global_policy()
    return "float64" if policy.variable_dtype == "float64" else "float32"


def _backbone(x, config, temporal):
    shared = {
        "temporal": temporal,
        "placement": config.placement,
        "stride_padding": config.stride_padding,
        "batch_norm_epsilon": config.batch_norm_epsilon,
    }
    if config.backbone == "mobilenet_v2":
        return mobilenet_v2(x, width=config.width, **shared)

    def non_local(x, name):
        return NonLocalBlock(
            config.num_segments, config.batch_norm_epsilon, name=name
        )(x)

    return resnet(
        x,
        depth=int(config.backbone[len("resnet") :]),
        non_local=non_local if config.non_local else None,
        **shared,
    )
