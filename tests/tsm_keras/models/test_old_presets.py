"""Presets that older versions wrote load as on the day they were written."""

import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest
from tensorflow import keras

from testing.numerics import relative_error
from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.models.presets import (
    WEIGHTS_FILE,
    PresetError,
    format_1,
    load_preset,
    preset_hash,
    read_description,
    save_preset,
)
from tsm_keras.models.weights import named_weights

FOLDER = pathlib.Path(__file__).parent / "old_preset"


@pytest.fixture(params=["float", "quantized"])
def name(request):
    return request.param


@pytest.fixture
def preset(name, tmp_path):
    shutil.unpack_archive(FOLDER / f"{name}.zip", tmp_path / "old")
    return tmp_path / "old"


def expect_the_old_logits(model, name):
    with np.load(FOLDER / f"{name}.npz") as recorded:
        clips, expected = recorded["clips"], recorded["logits"]
    found = model(clips.astype(np.float32), training=False)
    assert relative_error(found, expected) <= 1e-4


def test_it_computes_what_it_computed(preset, name):
    model = load_preset(preset)
    expect_the_old_logits(model, name)
    config = model.video_config
    assert config.temporal.shift == "causal" and config.backbone.width == 0.1
    assert config.head.labels[0] == "left"
    assert read_description(preset)["provenance"] == {"data": "random weights"}


def test_it_is_saved_in_the_new_format(preset, name, tmp_path):
    model = load_preset(preset)
    path = save_preset(model, tmp_path / "new")
    assert (path / WEIGHTS_FILE).is_file()
    again = load_preset(path)
    expect_the_old_logits(again, name)
    assert again.video_config == model.video_config
    assert again.activation_ranges == model.activation_ranges


def test_one_of_format_2_computes_what_it_computed(tmp_path):
    """Its config has flat fields, and its hash is over these."""
    name = "format_2"
    shutil.unpack_archive(FOLDER / f"{name}.zip", tmp_path / "old")
    model = load_preset(tmp_path / "old")
    expect_the_old_logits(model, name)
    old = json.loads((tmp_path / "old/config.json").read_text("utf-8"))
    assert model.video_config.head.labels == tuple(old["config"]["labels"])
    assert preset_hash(tmp_path / "old") == old["hash"]
    path = save_preset(model, tmp_path / "new")
    again = load_preset(path)
    expect_the_old_logits(again, name)
    assert again.video_config == model.video_config


def test_it_can_be_overwritten(preset, name):
    model = load_preset(preset)
    save_preset(model, preset, overwrite=True)
    assert not (preset / format_1.WEIGHTS_FILE).exists()
    expect_the_old_logits(load_preset(preset), name)


def test_ranges_belong_to_layers_that_the_network_has(preset, name):
    model = load_preset(preset)
    layers = {layer.name for layer in model.layers}
    assert bool(model.activation_ranges) == (name == "quantized")
    assert set(model.activation_ranges) <= layers


def test_its_hash_is_the_one_that_its_artifacts_carry(preset):
    digest = json.loads((preset / "config.json").read_text("utf-8"))["sha256"]
    assert preset_hash(preset) == digest["model.weights.h5"]


@pytest.mark.parametrize("name", ["float"], indirect=True)
@pytest.mark.parametrize("field", ["weights", "sha256", "config_sha256"])
def test_a_damaged_one_is_refused(preset, field):
    path = preset / "config.json"
    description = json.loads(path.read_text("utf-8"))
    for value in (None, {}, "text", {"stem_conv": 3}, {"stem_conv": []}):
        path.write_text(json.dumps(description | {field: value}), "utf-8")
        with pytest.raises(PresetError):
            load_preset(preset)


@pytest.mark.parametrize("name", ["float"], indirect=True)
def test_damaged_weights_are_refused(preset):
    path = preset / format_1.WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PresetError, match=f"{path.name} is damaged"):
        load_preset(preset)


def test_parts_of_non_local_blocks_find_their_weights(tmp_path):
    """A network with one is too large to be committed as a preset."""
    x = image = keras.Input((4, 4, 6))
    for number in range(2):
        x = NonLocalBlock(num_segments=2, name=f"block_{number}")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(3, name="classifier")(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=x.shape) for x in model.get_weights()])
    path = tmp_path / format_1.WEIGHTS_FILE
    model.save_weights(path)
    old = {
        "config": {"backbone": "resnet50"},
        "config_sha256": hashlib.sha256(
            b'{"backbone": "resnet50"}'
        ).hexdigest(),
        "weights": {
            layer.name: [list(weight.shape) for weight in layer.weights]
            for layer in model.layers
            if layer.weights
        },
        "sha256": {path.name: "0" * 64},
    }
    _, read = format_1.migrate(old)
    found = read(path.read_bytes())
    expected = named_weights(model)
    assert "block_1/theta/kernel" in expected
    assert list(found) == list(expected)
    for name, weight in expected.items():
        np.testing.assert_array_equal(found[name], weight.numpy())
