"""to_flow: a network that sees optical flow, from one that sees pictures."""

import dataclasses

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
    """Returns the config of a network that sees flow in place of RGB.

    A pixel without motion, 127.5, becomes 0. The standard deviation is the
    mean of those of the RGB channels (reference: ops/models.py,
    `_prepare_tsn`).

    Args:
        config: The config of an RGB network.
        pairs: L; a frame has 2 L channels, x and y of L pairs of frames.

    Raises:
        ValueError: If `pairs` is not a positive integer, or the network of
            `config` does not take RGB.
    """
    config.expect_rgb()
    if not isinstance(pairs, int) or pairs < 1:
        raise ValueError(
            f"`pairs` must be a positive integer. Received: pairs={pairs!r}"
        )
    channels = 2 * pairs
    return dataclasses.replace(
        config,
        input_channels=channels,
        pixel_mean=(127.5,) * channels,
        pixel_std=(float(np.mean(config.pixel_std)),) * channels,
    )


@without_mixed_precision()
def to_flow(model: keras.Model, pairs: int = 5) -> keras.Model:
    """Starts a network for flow from the weights of one for pictures.

    Each input channel of the first convolution gets the mean of the RGB
    kernels (Wang et al., TSN, ECCV 2016, "cross modality pre-training"); all
    other weights are the same.

    Args:
        model: From `build_clip_model` or `load_preset`, for RGB.
        pairs: As in `flow_config`.

    Returns:
        The model of `build_clip_model(flow_config(...))`.

    Raises:
        ValueError: As `flow_config`.
    """
    flow = build_clip_model(flow_config(model.video_config, pairs))

    def mean_of_colors(weights):
        mean = weights[0].mean(axis=2, keepdims=True)
        return [np.repeat(mean, 2 * pairs, axis=2)]

    copy_weights(model, flow, adapt={_STEM: mean_of_colors})
    return flow
