"""The 2-D network that the clip model and the streaming model share."""

from typing import Any

from tensorflow import keras

from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.operators.marks import mark_of
from tsm_keras.models.time import Time, full_precision


def frame_logits(frames: Any, config: VideoClassifierConfig, time: Time) -> Any:
    """Applies normalisation, backbone and classifier to every frame.

    Args:
        frames: `[N, H, W, input_channels]` in 0..255. N counts the frames of
            all clips, or the streams, depending on `time`.
        config: The config of the network.
        time: Gives temporal operators access to the other frames.

    Returns:
        `[N, num_classes]` logits, in `full_precision()`.
    """
    x = PixelNormalization(
        config.pixel_mean, config.pixel_std, name="normalize"
    )(frames)
    build = BACKBONES[config.backbone].build
    *_, x = build(x, config, mark_of(config, time)).values()
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    return keras.layers.Dense(
        config.num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        dtype=full_precision(),
        name="classifier",
    )(x)
