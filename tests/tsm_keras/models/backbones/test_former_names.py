"""Presets that name layers as they were named once load as ever."""

import re

import numpy as np
import pytest

from testing.models import random_clips, randomize, small_config
from testing.old_presets import write_format_1
from tsm_keras.models.backbones.former_names import current_layer_name
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import load_preset


def former_name(name, backbone):
    """Undoes `current_layer_name`, written from the old code."""
    name = name.replace("_time_", "_")
    for index, block in enumerate(BACKBONES[backbone].block_names):
        if backbone == "mobilenet_v2":
            name = name.replace(block, f"block_{index:02d}")
    return re.sub(r"^stage_0(\d)_", r"stage_\1_", name)


@pytest.mark.parametrize(
    ("backbone", "old", "new"),
    [
        ("mobilenet_v2", "block_00_depthwise", "stage_01_block_00_depthwise"),
        ("mobilenet_v2", "block_02_expand_bn", "stage_02_block_01_expand_bn"),
        ("mobilenet_v2", "block_16_project", "stage_07_block_00_project"),
        ("mobilenet_v2", "block_02_shift", "stage_02_block_01_time_shift"),
        ("resnet18", "stage_1_block_00_conv_1", "stage_01_block_00_conv_1"),
        ("resnet101", "stage_3_block_22_bn_3", "stage_03_block_22_bn_3"),
        (
            "resnet50",
            "stage_2_block_00_non_local",
            "stage_02_block_00_time_non_local",
        ),
        ("resnet50", "stem_conv", "stem_conv"),
        ("mobilenet_v2", "head_bn_relu6", "head_bn_relu6"),
        ("mobilenet_v2", "classifier", "classifier"),
    ],
)
def test_former_names_become_the_present_ones(backbone, old, new):
    assert current_layer_name(old, backbone) == new
    assert current_layer_name(new, backbone) == new


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet18"])
def test_a_preset_with_former_names_loads(backbone, tmp_path):
    config = small_config(backbone, image_size=32, num_segments=2)
    model = build_clip_model(config)
    randomize(model, seed=0)
    names = [layer.name for layer in model.layers]
    former = [former_name(name, backbone) for name in names]
    assert former != names
    assert [current_layer_name(name, backbone) for name in former] == names
    model.activation_ranges = {names[-5]: [-1.0, 2.0]}
    path = tmp_path / "preset"
    write_format_1(model, path, lambda name: former_name(name, backbone))
    loaded = load_preset(path)
    assert loaded.activation_ranges == model.activation_ranges
    clips = random_clips(config)
    np.testing.assert_array_equal(
        loaded(clips, training=False), model(clips, training=False)
    )
