"""The 2-D network that the clip model and the streaming model share."""

from typing import Any

from tensorflow import keras

from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import (
    NetworkConfig,
    VideoClassifierConfig,
    VideoDetectorConfig,
)
from tsm_keras.models.detector import detection_maps
from tsm_keras.models.operators.marks import mark_of
from tsm_keras.models.time import Time, full_precision


def frame_outputs(
    frames: Any, config: NetworkConfig, time: Time
) -> dict[str, Any]:
    """Applies normalisation, backbone and heads to every frame.

    Args:
        frames: `[N, H, W, input_channels]` in 0..255. N counts the frames of
            all clips, or the streams, depending on `time`.
        config: The config of the network.
        time: Gives temporal operators access to the other frames.

    Returns:
        For a classifier, `[N, num_classes]` logits of every head, in
        `full_precision()`, by the name of the head's output. For a detector,
        its `detection_maps`.
    """
    x = PixelNormalization(
        config.input.pixel_mean, config.input.pixel_std, name="normalize"
    )(frames)
    build = BACKBONES[config.backbone.name].build
    features = build(x, config, mark_of(config, time))
    if isinstance(config, VideoDetectorConfig):
        return detection_maps(features, config)
    assert isinstance(config, VideoClassifierConfig)
    *_, x = features.values()
    return _logits(x, config)


def _logits(x: Any, config: VideoClassifierConfig) -> dict[str, Any]:
    """Classifies the last features of the backbone."""
    backbone = BACKBONES[config.backbone.name]
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if backbone.head_after_pool:
        x = backbone.head_after_pool(x, config)
    x = keras.layers.Dropout(config.backbone.dropout, name="dropout")(x)
    return {
        head.output: keras.layers.Dense(
            head.num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            dtype=full_precision(),
            name=head.classifier,
        )(x)
        for head in config.heads
    }
