"""Every backbone is what its record says, and its layers are named alike."""

import functools
import subprocess
import sys

import pytest

from testing.models import SMALL
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig

EVERY = [
    pytest.param(name, marks=pytest.mark.slow) if name == "resnet101" else name
    for name in BACKBONES
]


@functools.cache
def build(name):
    fields = {"image_size": 32, **SMALL.get(name, {})}
    if "depth" in fields:
        fields["depth"] = 1.0  # The number of blocks that records list.
    config = VideoClassifierConfig(
        num_classes=2, backbone=name, num_segments=2, **fields
    )
    return build_clip_model(config)


@pytest.mark.parametrize("name", EVERY)
def test_every_layer_is_in_a_stage_and_a_block(name):
    backbone = BACKBONES[name]
    names = [layer.name for layer in build(name).layers]
    around = {"clip", "fold_time", "normalize", "pool", "dropout"}
    around |= {"classifier", "logits_frames", "logits"}
    parts = []
    for layer in names:
        part = backbone.part_of(layer)
        assert (part is None) == (layer in around), layer
        if part and part not in parts:
            parts.append(part)
        place = backbone.place_of(layer)
        if place:
            assert layer == f"{place.name}_{place.part}"
            assert backbone.block_names[place.position] == place.name
            assert backbone.stage_of(layer) == place.stage + 1
    head = ["head"] if backbone.has_head else []
    assert parts == ["stem", *backbone.block_names, *head]
    assert len(backbone.block_names) == sum(backbone.blocks)


@pytest.mark.parametrize("name", EVERY)
def test_features_come_by_stage(name):
    """Each stage's features are at most as large as those before it."""
    from tensorflow import keras

    from tsm_keras.models.operators.marks import mark_of
    from tsm_keras.models.time import ClipTime

    config = build(name).video_config
    frames = keras.Input((64, 64, 3))
    features = BACKBONES[name].build(
        frames, config, mark_of(config, ClipTime(2))
    )
    assert tuple(features) == BACKBONES[name].stages
    sides = [x.shape[1] for x in features.values()]
    assert sides == sorted(sides, reverse=True)
    # The head of X3D comes after its pooling.
    assert sides[-1] == (1 if name == "x3d" else 64 // 32)
    assert 64 // 32 in sides


def test_the_table_is_read_without_tensorflow():
    """Configs are checked in processes that need no network."""
    code = (
        "import sys; from tsm_keras.models.config import VideoClassifierConfig"
        "; VideoClassifierConfig(num_classes=2, width=0.5).can_stream"
        "; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
