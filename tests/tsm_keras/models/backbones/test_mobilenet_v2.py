"""MobileNetV2: the paper's size, and the ten marks."""

import numpy as np
import pytest

from testing.models import count_weights
from tsm_keras.models.backbones.mobilenet_v2 import channels
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig

# Stage and block of the blocks with a residual and expansion > 1.
MARKED_BLOCKS = (
    *((2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (4, 3)),
    *((5, 1), (5, 2), (6, 1), (6, 2)),
)


@pytest.fixture(scope="module")
def model():
    return build_clip_model(
        VideoClassifierConfig(num_classes=1000, num_segments=2, image_size=32)
    )


def test_parameter_count(model):
    """That of torchvision and keras.applications."""
    assert count_weights(model) == (3_504_872, 34_112)


def test_marks_are_the_residual_blocks_that_expand(model):
    marks = [layer.name for layer in model.layers if "_shift" in layer.name]
    assert marks == [
        f"stage_{stage:02d}_block_{block:02d}_time_shift"
        for stage, block in MARKED_BLOCKS
    ]


def test_first_block_is_no_mark_even_where_it_is_residual():
    """At width 0.25 it keeps its 8 channels, but does not expand them."""
    config = VideoClassifierConfig(num_classes=2, width=0.25, image_size=32)
    model = build_clip_model(config)
    names = [layer.name for layer in model.layers]
    assert "stage_01_block_00_add" in names
    marks = [name for name in names if "_shift" in name]
    assert marks == [
        f"stage_{stage:02d}_block_{block:02d}_time_shift"
        for stage, block in MARKED_BLOCKS
    ]


def test_image_shrinks_32_times(model):
    assert tuple(model.get_layer("head_bn_relu6").output.shape[1:]) == (
        *(1, 1),
        1280,
    )


def test_residual_blocks_start_as_the_identity(model):
    """Goyal et al., 2017, section 5.1; other blocks do not."""
    for stage, blocks in enumerate((1, 2, 3, 4, 3, 3, 1), 1):
        for block in range(blocks):
            layer = model.get_layer(
                f"stage_{stage:02d}_block_{block:02d}_project_bn"
            )
            gamma = layer.get_weights()[0]
            start = 0.0 if (stage, block) in MARKED_BLOCKS else 1.0
            np.testing.assert_array_equal(gamma, start)


@pytest.mark.parametrize(
    ("base", "width", "expected"),
    [
        (32, 1.0, 32),
        (32, 0.35, 16),
        (16, 0.35, 8),
        (24, 0.35, 8),
        (96, 0.35, 32),
        (320, 0.35, 112),
        (24, 0.75, 24),
        (1280, 1.4, 1792),
        (24, 1.3, 32),
    ],
)
def test_channels_round_to_eights_as_published(base, width, expected):
    """The channel counts of the published weights."""
    assert channels(base, width) == expected


@pytest.mark.parametrize("width", [0.1, 0.35, 0.5, 0.75, 1.0, 1.3, 1.4])
def test_channels_never_lose_more_than_a_tenth(width):
    for base in range(8, 1300, 8):
        count = channels(base, width)
        assert count % 8 == 0
        assert count >= 0.9 * base * width
