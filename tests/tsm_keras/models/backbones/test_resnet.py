"""ResNets: torchvision's sizes, and the reference's marks."""

import functools

import numpy as np
import pytest
from tensorflow import keras

from testing.models import count_weights
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig

MARKS = {
    "resnet18": [range(2)] * 4,
    "resnet34": [range(3), range(4), range(6), range(3)],
    "resnet50": [range(3), range(4), range(6), range(3)],
    # Every second block of each stage.
    "resnet101": [range(0, n, 2) for n in (3, 4, 23, 3)],
}
BACKBONES = [
    "resnet18",
    "resnet34",
    "resnet50",
    pytest.param("resnet101", marks=pytest.mark.slow),
]


@functools.cache
def build(backbone):
    return build_clip_model(
        VideoClassifierConfig(
            num_classes=1000, backbone=backbone, num_segments=2, image_size=64
        )
    )


@pytest.mark.parametrize("backbone", BACKBONES)
def test_parameter_count(backbone):
    """Trained weights as in torchvision, and running statistics."""
    assert (
        count_weights(build(backbone))
        == {
            "resnet18": (11_689_512, 9_600),
            "resnet34": (21_797_672, 17_024),
            "resnet50": (25_557_032, 53_120),
            "resnet101": (44_549_160, 105_344),
        }[backbone]
    )


@pytest.mark.parametrize("backbone", BACKBONES)
def test_marks(backbone):
    marks = [
        layer.name for layer in build(backbone).layers if "_shift" in layer.name
    ]
    assert marks == [
        f"stage_{stage:02d}_block_{block:02d}_time_shift"
        for stage, blocks in enumerate(MARKS[backbone], 1)
        for block in blocks
    ]
    count = {"resnet18": 8, "resnet34": 16, "resnet50": 16, "resnet101": 18}
    assert len(marks) == count[backbone]


def test_shapes_of_the_stages():
    model = build("resnet50")
    sides = (16, 8, 4, 2)
    for stage, (side, filters) in enumerate(
        zip(sides, (256, 512, 1024, 2048), strict=True), 1
    ):
        output = model.get_layer(f"stage_{stage:02d}_block_00_out").output
        assert tuple(output.shape[1:]) == (side, side, filters)


def test_stride_is_on_the_3x3_convolution():
    """Version 1.5, as in torchvision."""
    model = build("resnet50")
    strides = [
        tuple(model.get_layer(f"stage_02_block_00_conv_{index}").strides)
        for index in (1, 2, 3)
    ]
    assert strides == [(1, 1), (2, 2), (1, 1)]


@pytest.mark.parametrize(
    ("backbone", "last"), [("resnet18", 2), ("resnet50", 3)]
)
def test_residual_branches_start_at_zero(backbone, last):
    """Goyal et al., 2017, section 5.1."""
    model = build(backbone)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            ends_branch = layer.name.endswith(f"_bn_{last}")
            start = 0.0 if ends_branch else 1.0
            np.testing.assert_array_equal(layer.get_weights()[0], start)
