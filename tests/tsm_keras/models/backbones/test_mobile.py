"""EfficientNet-Lite, MobileNetV3 and MobileNetV4: published sizes, marks."""

import functools

import numpy as np
import pytest

from testing.models import count_weights, small_config
from tsm_keras.models.backbones.efficientnet_lite import SCALES
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model

# Sizes and marks are the same in either Keras.
pytestmark = pytest.mark.keras3_only

# Trainable parameters with 1000 classes (timm counts them alike), and marks.
SIZES = {
    "efficientnet_lite0": (4_652_008, 9),
    "efficientnet_lite1": (5_416_680, 14),
    "efficientnet_lite2": (6_092_072, 14),
    "efficientnet_lite3": (8_197_096, 17),
    "efficientnet_lite4": (13_006_568, 23),
    "mobilenet_v3_small": (2_542_856, 6),
    "mobilenet_v3_large": (5_483_032, 10),
    "mobilenet_v4_conv_small": (3_774_024, 10),
    "mobilenet_v4_conv_medium": (9_715_512, 18),
}
QUICK = ("efficientnet_lite0", "mobilenet_v3_small", "mobilenet_v4_conv_small")
EVERY = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in SIZES
]


@functools.cache
def model(name):
    fields = {"num_classes": 1000, "num_segments": 2, "image_size": 64}
    return build_clip_model(small_config(name, **fields))


@pytest.mark.parametrize("name", EVERY)
def test_it_has_the_published_number_of_parameters(name):
    assert count_weights(model(name))[0] == SIZES[name][0]


@pytest.mark.parametrize("name", EVERY)
def test_every_residual_block_is_a_mark(name):
    names = [layer.name for layer in model(name).layers]
    marks = [x.removesuffix("_time_shift") for x in names if "_shift" in x]
    residual = [x.removesuffix("_add") for x in names if x.endswith("_add")]
    assert marks == residual and len(marks) == SIZES[name][1]
    found = {BACKBONES[name].place_of(f"{mark}_x").stage for mark in marks}
    assert sorted(found) == list(BACKBONES[name].stages_with_marks)


@pytest.mark.parametrize("name", QUICK)
def test_residual_blocks_start_as_the_identity(name):
    """Goyal et al., 2017, section 5.1; other blocks do not."""
    network = model(name)
    residual = {
        layer.name.removesuffix("_add")
        for layer in network.layers
        if layer.name.endswith("_add")
    }
    for layer in network.layers:
        if layer.name.endswith("_project_bn"):
            starts_at_zero = layer.name.removesuffix("_project_bn") in residual
            np.testing.assert_array_equal(
                layer.get_weights()[0], 0.0 if starts_at_zero else 1.0
            )


@pytest.mark.parametrize("name", [name for name in SIZES if "lite" in name])
def test_ends_are_the_channels_that_a_file_has(name):
    """Weights files are recognized by them."""
    ends = BACKBONES[name].ends(1.0)
    first, *_, last = ends
    assert (first, last) == ("stem_conv", "head_conv")
    assert len(ends) == 2 + sum(BACKBONES[name].blocks)
    width, _ = SCALES[int(name[-1])]
    assert ends["stage_07_block_00_project"] >= 0.9 * 320 * width
