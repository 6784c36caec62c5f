"""The 2-D network that the clip model and the streaming model share."""

from typing import Any

from tensorflow import keras

from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.operators.marks import mark_of
from tsm_keras.models.time import Time, full_precision


def frame_logits(
    frames: Any, config: VideoClassifierConfig, time: Time
) -> dict[str, Any]:
    """Applies normalisation, backbone and classifiers to every frame.

    Args:
        frames: `[N, H, W, input_channels]` in 0..255. N counts the frames of
            all clips, or the streams, depending on `time`.
        config: The config of the network.
        time: Gives temporal operators access to the other frames.

    Returns:
        `[N, num_classes]` logits of every head, in `full_precision()`, by the
        name of the head's output.
    """
    x = PixelNormalization(
        config.input.pixel_mean, config.input.pixel_std, name="normalize"
    )(frames)
    backbone = BACKBONES[config.backbone.name]
    *_, x = backbone.build(x, config, mark_of(config, time)).values()
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
