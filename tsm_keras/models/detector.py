"""The detector: a feature pyramid and the heads that find objects in frames.

It is of the kind of CenterNet (Zhou et al., 2019): for each cell of a grid, a
heatmap says whether an object of a class has its centre there, and two more
outputs say how large this object is and where in the cell its centre lies.
"""

from typing import Any

from tensorflow import keras

from tsm_keras.layers.upsample import Upsample
from tsm_keras.models.backbones.convolution import convolution_of
from tsm_keras.models.config import VideoDetectorConfig
from tsm_keras.models.config.detector import COARSEST
from tsm_keras.models.config.head import DETECTOR
from tsm_keras.models.time import full_precision

# The outputs by name, with the first value of each in an untrained network.
# The focal loss needs a low score at first, here 0.1, so that the many cells
# without objects do not outweigh the others (Lin et al., 2017, section 3.3).
# Sizes start at an ordinary number of cells, where their ReLU passes gradients.
_FIRST = {"heatmap": -2.19, "box_size": 3.0, "box_offset": 0.5}


def detection_maps(
    features: dict[str, Any], config: VideoDetectorConfig
) -> dict[str, Any]:
    """Applies the pyramid and the heads to the features of a backbone.

    From coarse to fine, the features of a stage are added to those of the
    coarser ones, doubled in size. This is done up to the stride of the outputs.

    Args:
        features: The features `[N, H, W, C]` of each stage, by name and in
            order.
        config: The config of the network.

    Returns:
        The outputs by name, in `full_precision()`: `heatmap`,
        `[N, grid, grid, K]` logits of K classes; `box_size`,
        `[N, grid, grid, 2]` widths and heights of boxes in cells; `box_offset`,
        `[N, grid, grid, 2]`, the x and y of their centres, in cells from the
        upper left corner of the cell.
    """
    channels = config.detection.pyramid_channels
    x = None
    for stride, stage in reversed(_levels(features, config).items()):
        name = f"{DETECTOR}_pyramid_{stride:02d}"
        lateral = _conv(
            config, stage, channels, 1, activation=None, name=f"{name}_lateral"
        )
        if x is not None:
            larger = Upsample(name=f"{name}_upsample")(x)
            lateral = keras.layers.Add(name=f"{name}_add")([lateral, larger])
        x = _smooth(config, lateral, name=f"{name}_smooth")
    sizes = {
        "heatmap": len(config.detection.labels),
        "box_size": 2,
        "box_offset": 2,
    }
    return {
        output: keras.layers.Conv2D(
            size,
            1,
            # Widths and heights are not negative.
            activation="relu" if output == "box_size" else None,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            bias_initializer=keras.initializers.Constant(_FIRST[output]),
            dtype=full_precision(),
            name=f"{DETECTOR}_{output}",
        )(_smooth(config, x, name=f"{DETECTOR}_{output}_smooth"))
        for output, size in sizes.items()
    }


def _levels(features, config):
    """Returns the last features of each stride of the pyramid, by stride.

    A convolution after the last stage (`head`) is for classification and is
    left out.
    """
    found = {
        config.input.image_size // x.shape[1]: x
        for stage, x in features.items()
        if stage != "head"
    }
    finest = config.detection.stride
    return {
        stride: found[stride]
        for stride in (4, 8, 16, COARSEST)
        if stride >= finest
    }


def _smooth(config, x, *, name):
    """Applies a depthwise separable convolution."""
    x = _conv(
        config,
        x,
        0,
        3,
        depthwise=True,
        activation="relu6",
        name=f"{name}_depthwise",
    )
    return _conv(
        config, x, x.shape[-1], 1, activation="relu6", name=f"{name}_pointwise"
    )


def _conv(config, x, filters, kernel_size, *, name, **options):
    return convolution_of(config.backbone)(
        x,
        filters,
        kernel_size,
        name=name,
        batch_norm_name=f"{name}_bn",
        **options,
    )
