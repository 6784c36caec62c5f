"""to_flow: turns a network for RGB into one for optical flow."""

import numpy as np
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.weights import copy_weights

_STEM = "stem_conv"


def flow_config(
    config: VideoClassifierConfig, pairs: int = 5
) -> VideoClassifierConfig:
    """Returns the config of a network that takes optical flow, not RGB.

    Normalization maps a pixel without motion, 127.5, to 0. It divides by the
    mean of the three RGB standard deviations (reference: ops/models.py,
    `_prepare_tsn`).

    Args:
        config: The config of an RGB network.
        pairs: L, the number of pairs of frames whose flow is stacked: the
            network's input has 2 L channels, x and y of each pair.

    Raises:
        ValueError: If `pairs` is not a positive integer, or the network of
            `config` does not take RGB.
    """
    config.input.expect_rgb()
    if not isinstance(pairs, int) or pairs < 1:
        raise ValueError(
            f"`pairs` must be a positive integer. Received: pairs={pairs!r}"
        )
    channels = 2 * pairs
    return config.changed(
        input_channels=channels,
        pixel_mean=(127.5,) * channels,
        pixel_std=(float(np.mean(config.input.pixel_std)),) * channels,
    )


@without_mixed_precision()
def to_flow(model: keras.Model, pairs: int = 5) -> keras.Model:
    """Returns a network for optical flow with the weights of one for RGB.

    Each input channel of the first convolution gets the mean of the RGB
    kernels (Wang et al., TSN, ECCV 2016, "cross modality pre-training"); all
    other weights are the same.

    Args:
        model: From `build_clip_model` or `load_preset`, for RGB.
        pairs: The number of pairs of frames, as in `flow_config`.

    Returns:
        The model of `build_clip_model(flow_config(...))`.

    Raises:
        ValueError: For the same reasons as in `flow_config`.
    """
    flow = build_clip_model(flow_config(model.video_config, pairs))

    def mean_of_colors(weights):
        mean = weights[0].mean(axis=2, keepdims=True)
        return [np.repeat(mean, 2 * pairs, axis=2)]

    copy_weights(model, flow, adapt={_STEM: mean_of_colors})
    return flow
