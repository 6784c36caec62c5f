"""Presets: a folder that loads anywhere, or says why it does not."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from tensorflow import keras

import tsm_keras.keras_version
from testing.models import random_clips, randomize, small_config
from testing.numerics import relative_error
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import (
    CONFIG_FILE,
    LABELS_FILE,
    WEIGHTS_FILE,
    PresetError,
    load_preset,
    preset_hash,
    read_description,
    save_preset,
)
from tsm_keras.models.presets import folder as preset_folder
from tsm_keras.models.weights import rebuild

FILES = (CONFIG_FILE, LABELS_FILE, WEIGHTS_FILE)
LABELS = ("Swiping Left", "Größe ändern", "ジェスチャー")
CONFIG = small_config(
    num_classes=3,
    labels=LABELS,
    image_size=32,
    num_segments=2,
    frame_interval=0.25,
)


@pytest.fixture(scope="module")
def model():
    model = build_clip_model(CONFIG)
    randomize(model, seed=5)
    return model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    return save_preset(model, tmp_path_factory.mktemp("saved") / "preset")


@pytest.fixture
def preset(saved, tmp_path):
    """A preset to damage."""
    return pathlib.Path(shutil.copytree(saved, tmp_path / "preset"))


def snapshot(folder):
    """Returns all files below a folder with their bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edit_description(preset, edit, rehash=False):
    path = preset / CONFIG_FILE
    description = json.loads(path.read_text("utf-8"))
    edit(description)
    if rehash:
        description["hash"] = preset_folder._model_hash(description)
    path.write_text(json.dumps(description), "utf-8")


def replace_weights(preset, contents):
    """Puts other weights in place, with a hash that fits."""
    (preset / WEIGHTS_FILE).write_bytes(contents)
    digest = hashlib.sha256(contents).hexdigest()
    edit_description(
        preset, lambda d: d["sha256"].update({WEIGHTS_FILE: digest}), True
    )


def test_round_trip(model, saved):
    loaded = load_preset(saved)
    clips = random_clips(CONFIG, clips=2)
    np.testing.assert_array_equal(
        loaded(clips, training=False), model(clips, training=False)
    )
    assert loaded.video_config == CONFIG


def test_folder_holds_plain_data(saved):
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)
    assert (saved / LABELS_FILE).read_text("utf-8").splitlines() == [*LABELS]
    description = json.loads((saved / CONFIG_FILE).read_text("utf-8"))
    assert description["config"] == json.loads(CONFIG.to_json())
    assert description["versions"]["keras"] == (
        tsm_keras.keras_version.KERAS_VERSION
    )


def test_provenance_is_kept(model, tmp_path):
    provenance = {"data_set": "gestures", "seed": 0}
    path = save_preset(model, tmp_path / "preset", provenance=provenance)
    assert read_description(path)["provenance"] == provenance


def test_others_may_read_it(saved):
    assert saved.stat().st_mode & 0o555 == 0o555


def test_hash_names_the_weights_and_the_config(model, saved, tmp_path):
    other = build_clip_model(CONFIG)
    randomize(other, seed=6)
    path = save_preset(other, tmp_path / "weights")
    assert preset_hash(saved) != preset_hash(path)
    assert len(preset_hash(saved)) == 64
    bidirectional = CONFIG.changed(shift="bidirectional")
    twin = rebuild(model, bidirectional, build_clip_model)
    path = save_preset(twin, tmp_path / "config")
    digests = [read_description(x)["sha256"] for x in (path, saved)]
    assert digests[0] == digests[1]  # The same weights.
    assert preset_hash(saved) != preset_hash(path)


def test_hash_is_that_of_what_is_saved_again(saved, tmp_path):
    path = save_preset(
        load_preset(saved), tmp_path / "preset", provenance={"seed": 1}
    )
    assert preset_hash(path) == preset_hash(saved)


def test_weights_are_named_by_layer(model, saved):
    weights = safetensors.numpy.load_file(saved / WEIGHTS_FILE)
    assert len(weights) == len(model.weights)
    for name in ("stem_conv", "stage_03_block_00_depthwise", "classifier"):
        expected = model.get_layer(name).get_weights()[0]
        np.testing.assert_array_equal(weights[f"{name}/kernel"], expected)
    *_, variance = model.get_layer("stem_bn").get_weights()
    np.testing.assert_array_equal(weights["stem_bn/moving_variance"], variance)


def test_weights_that_lack_a_name_are_refused(preset):
    weights = safetensors.numpy.load_file(preset / WEIGHTS_FILE)
    weights["stem_convolution/kernel"] = weights.pop("stem_conv/kernel")
    replace_weights(preset, safetensors.numpy.save(weights))
    with pytest.raises(PresetError, match="do not fit.*stem_conv/kernel"):
        load_preset(preset)


@pytest.mark.parametrize("contents", [b"", b"{}", b"\xff" * 64])
def test_weights_that_are_not_safetensors_are_refused(preset, contents):
    replace_weights(preset, contents)
    with pytest.raises(PresetError, match=f"{WEIGHTS_FILE} cannot be read"):
        load_preset(preset)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, LABELS_FILE])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_flipped_byte_is_found(preset, name, place):
    contents = bytearray((preset / name).read_bytes())
    contents[int(place * (len(contents) - 1))] ^= 1
    (preset / name).write_bytes(contents)
    with pytest.raises(PresetError, match=f"{name} is damaged.*Copy"):
        load_preset(preset)


def test_truncated_weights_are_found(preset):
    contents = (preset / WEIGHTS_FILE).read_bytes()
    (preset / WEIGHTS_FILE).write_bytes(contents[: len(contents) // 2])
    with pytest.raises(PresetError, match=f"{WEIGHTS_FILE} is damaged"):
        load_preset(preset)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(preset, name):
    (preset / name).unlink()
    with pytest.raises(PresetError, match=f"{name} is missing"):
        load_preset(preset)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(PresetError, match="nowhere is not a complete preset"):
        load_preset(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "contents",
    [
        *(b"", b"{", b"[]", b"null", b"3", b"{}", b"\xff\xfe"),
        *(b'{"format": 1}', b'{"format": 2}', b"[" * 100_000),
    ],
    ids=lambda contents: str(contents[:14]),
)
def test_corrupted_config_is_refused(preset, contents):
    (preset / CONFIG_FILE).write_bytes(contents)
    with pytest.raises(PresetError, match=f"{CONFIG_FILE} cannot be read: "):
        load_preset(preset)


@pytest.mark.parametrize("field", ["format", "config", "hash", "sha256"])
@pytest.mark.parametrize(
    "value",
    [None, 7, "text", [], {}, [WEIGHTS_FILE, LABELS_FILE]],
    ids=lambda value: str(value).replace(" ", ""),
)
def test_corrupted_field_is_refused(preset, field, value):
    edit_description(
        preset, lambda description: description.update({field: value})
    )
    with pytest.raises(PresetError):
        load_preset(preset)


@pytest.mark.parametrize("field", ["format", "config", "hash", "sha256"])
def test_missing_field_is_named(preset, field):
    edit_description(preset, lambda description: description.pop(field))
    with pytest.raises(PresetError, match=f"cannot be read: .*{field}"):
        load_preset(preset)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"width": 0.5}, "stem_conv|block_"),
        ({"num_classes": 4, "labels": []}, "classifier"),
        ({"backbone": "resnet18", "width": 1.0}, "stem_conv/kernel"),
    ],
    ids=["width", "num_classes", "backbone"],
)
def test_edited_config_is_found_by_the_weights(preset, change, named):
    edit_description(preset, lambda d: d["config"].update(change), rehash=True)
    with pytest.raises(PresetError, match=f"do not fit.*Received: .*({named})"):
        load_preset(preset)


@pytest.mark.parametrize(
    "change", [{"shift": "bidirectional"}, {"pixel_mean": [0, 0, 0]}]
)
def test_edited_config_that_fits_the_weights_is_found_by_its_hash(
    preset, change
):
    edit_description(preset, lambda d: d["config"].update(change))
    with pytest.raises(PresetError, match="changed since it was written"):
        load_preset(preset)


def test_options_that_a_backbone_does_not_have_were_stored_once(preset):
    """Earlier versions accepted and ignored the depth of MobileNetV2."""
    before = read_description(preset)["config"]
    edit_description(
        preset,
        lambda d: d["config"]["backbone"].update(depth=1.0, bottleneck=1.0),
        rehash=True,
    )
    assert load_preset(preset).video_config == before


def test_invalid_config_field_is_named(preset):
    edit_description(preset, lambda d: d["config"].update(shift_div=0))
    with pytest.raises(PresetError, match="`shift_div`.*Received: shift_div=0"):
        load_preset(preset)


@pytest.mark.parametrize("digits", [20, 400, 5000])
@pytest.mark.parametrize(
    "field",
    [
        *("image_size", "num_classes", "num_segments", "shift_div", "width"),
        *("input_channels", "resize_size", "dropout"),
    ],
)
def test_huge_integer_is_refused(preset, field, digits):
    path = preset / CONFIG_FILE
    number = "1" + digits * "0"
    edit_description(preset, lambda d: d["config"].update({field: "huge"}))
    path.write_text(path.read_text("utf-8").replace('"huge"', number), "utf-8")
    if digits < 4000:  # Python refuses to parse longer ones.
        edit_description(preset, lambda d: None, rehash=True)
    with pytest.raises(PresetError, match=f"{CONFIG_FILE}") as caught:
        load_preset(preset)
    assert len(str(caught.value)) < 1000


def test_save_refuses_an_existing_preset(model, preset):
    before = snapshot(preset)
    with pytest.raises(FileExistsError, match="exists"):
        save_preset(model, preset)
    assert snapshot(preset) == before


def test_overwrite_replaces_a_preset(preset):
    other = build_clip_model(CONFIG)
    randomize(other, seed=6)
    old_hash = preset_hash(preset)
    save_preset(other, preset, overwrite=True)
    assert preset_hash(preset) != old_hash
    clips = random_clips(CONFIG)
    np.testing.assert_array_equal(
        load_preset(preset)(clips, training=False), other(clips, training=False)
    )
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


@pytest.mark.parametrize("contents", [{}, {"thesis.txt": "years of work"}])
def test_overwrite_refuses_a_folder_that_is_no_preset(
    model, tmp_path, contents
):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in contents.items():
        (folder / name).write_text(text)
    with pytest.raises(FileExistsError, match="not a preset"):
        save_preset(model, folder, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert set(snapshot(folder)) == set(contents)


def test_overwrite_refuses_the_folder_of_another_tool(model, tmp_path):
    """Many tools write a config.json; theirs is not ours to delete."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / CONFIG_FILE).write_text('{"architectures": ["Bert"]}')
    (folder / "pytorch_model.bin").write_text("months of training")
    before = snapshot(folder)
    with pytest.raises(FileExistsError, match="not a preset"):
        save_preset(model, folder, overwrite=True)
    assert snapshot(folder) == before


def test_overwrite_refuses_a_file(model, tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(FileExistsError, match="not a preset"):
        save_preset(model, tmp_path / "file", overwrite=True)
    assert (tmp_path / "file").read_text() == "text"


@pytest.fixture
def full_disk(monkeypatch):
    write = pathlib.Path.write_bytes

    def write_half(path, content):
        write(path, content[: len(content) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", write_half)


def test_failure_while_saving_leaves_nothing(model, tmp_path, full_disk):
    with pytest.raises(OSError, match="No space left"):
        save_preset(model, tmp_path / "preset")
    assert list(tmp_path.iterdir()) == []


def test_failure_while_saving_keeps_the_old_preset(model, preset, full_disk):
    before = snapshot(preset.parent)
    with pytest.raises(OSError, match="No space left"):
        save_preset(model, preset, overwrite=True)
    assert snapshot(preset.parent) == before


def test_provenance_that_is_no_json_keeps_the_old_preset(model, preset):
    before = snapshot(preset.parent)
    with pytest.raises(TypeError):
        save_preset(
            model, preset, provenance={"path": object()}, overwrite=True
        )
    assert snapshot(preset.parent) == before


@pytest.mark.parametrize("failing_call", [0, 1])
def test_failure_while_replacing_keeps_the_old_preset(
    model, preset, monkeypatch, failing_call
):
    """Neither of the renames that swap old and new may lose the old one."""
    before = snapshot(preset)
    rename, calls = pathlib.Path.rename, []

    def failing_rename(path, target):
        calls.append(path)
        if len(calls) - 1 == failing_call:
            raise OSError("Stale file handle")
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", failing_rename)
    with pytest.raises(OSError, match="Stale file handle"):
        save_preset(model, preset, overwrite=True)
    assert snapshot(preset) == before
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


def test_overwrites_again_after_a_crash(model, preset, monkeypatch):
    """A run killed before it removed the old preset blocks no later one."""

    def killed(path, *_, **__):
        if pathlib.Path(path).suffix == ".old":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            save_preset(model, preset, overwrite=True)
    save_preset(model, preset, overwrite=True)
    assert read_description(preset)["config"] == CONFIG


@pytest.fixture
def link(preset):
    """A symbolic link to a preset, in another folder."""
    path = preset.parent / "links" / "current"
    path.parent.mkdir()
    path.symlink_to("../preset")
    return path


def test_overwrites_the_preset_that_a_link_points_to(preset, link):
    other = build_clip_model(CONFIG)
    randomize(other, seed=6)
    old_hash = preset_hash(preset)
    assert save_preset(other, link, overwrite=True) == link
    assert link.readlink() == pathlib.Path("../preset")
    assert preset_hash(preset) == preset_hash(link) != old_hash
    assert sorted(path.name for path in preset.parent.iterdir()) == [
        "links",
        "preset",
    ]
    assert [path.name for path in link.parent.iterdir()] == ["current"]


def test_a_failure_keeps_the_preset_that_a_link_points_to(
    model, preset, link, full_disk
):
    before = snapshot(preset.parent)
    with pytest.raises(OSError, match="No space left"):
        save_preset(model, link, overwrite=True)
    assert snapshot(preset.parent) == before and link.is_symlink()


def test_a_link_to_what_is_not_a_preset_is_refused(model, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "link").symlink_to("thesis")
    with pytest.raises(FileExistsError, match="not a preset"):
        save_preset(model, tmp_path / "link", overwrite=True)


def test_makes_the_folders_above(model, tmp_path):
    path = save_preset(model, tmp_path / "a" / "b" / "preset")
    assert read_description(path)["config"] == CONFIG


def test_takes_paths_as_text(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_preset(model, "preset")
    assert load_preset("preset").video_config == CONFIG


def test_holds_no_optimizer(saved, tmp_path):
    """Its state would triple the size of a trained model's preset."""
    trained = build_clip_model(CONFIG)
    trained.compile(optimizer="adam", loss="mse")
    trained.optimizer.build(trained.trainable_variables)
    path = save_preset(trained, tmp_path / "preset")
    names, expected = (
        set(safetensors.numpy.load_file(x / WEIGHTS_FILE))
        for x in (path, saved)
    )
    assert names == expected


def test_save_refuses_a_model_without_config(tmp_path):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="`video_config`. Received: "):
        save_preset(other, tmp_path / "preset")
    assert list(tmp_path.iterdir()) == []


OTHER_KERAS = """
import sys
import numpy as np
from tsm_keras.keras_version import KERAS_3
from tsm_keras.models.presets import load_preset, save_preset
folder = sys.argv[1]
model = load_preset(f"{folder}/ours")
logits = model(np.load(f"{folder}/clips.npy"), training=False)
np.savez(f"{folder}/theirs.npz", logits=logits, keras_3=KERAS_3)
save_preset(model, f"{folder}/theirs")
"""


def test_loads_in_the_other_keras_and_back(model, saved, tmp_path):
    """Keras 3 and tf_keras, whichever of them runs this test."""
    keras_3 = tsm_keras.keras_version.KERAS_3
    shutil.copytree(saved, tmp_path / "ours")
    clips = random_clips(CONFIG, clips=2)
    np.save(tmp_path / "clips.npy", clips)
    root = pathlib.Path(tsm_keras.keras_version.__file__).parents[1]
    environment = {
        **os.environ,
        "TF_USE_LEGACY_KERAS": "1" if keras_3 else "0",
        "PYTHONPATH": str(root),
    }
    child = subprocess.run(
        [sys.executable, "-c", OTHER_KERAS, tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    theirs = np.load(tmp_path / "theirs.npz")
    assert theirs["keras_3"] != keras_3
    expected = model(clips, training=False).numpy()
    assert relative_error(theirs["logits"], expected) <= 1e-5
    back = load_preset(tmp_path / "theirs")
    np.testing.assert_array_equal(back(clips, training=False), expected)
    assert back.video_config == CONFIG


def test_ranges_go_with_the_weights_that_they_were_learned_with(tmp_path):
    """Also if somebody trains with Keras's own `fit`."""
    model = build_clip_model(small_config("resnet18"))
    model.activation_ranges = {"pool": (-1.0, 2.0)}
    save_preset(model, tmp_path / "rounded")
    loaded = load_preset(tmp_path / "rounded")
    save_preset(loaded, tmp_path / "same")
    again = load_preset(tmp_path / "same")
    assert {k: tuple(v) for k, v in again.activation_ranges.items()} == {
        "pool": (-1.0, 2.0)
    }
    classifier = loaded.get_layer("classifier")
    classifier.set_weights([w + 1 for w in classifier.get_weights()])
    with pytest.warns(UserWarning, match="ranges are left out"):
        save_preset(loaded, tmp_path / "changed")
    assert not load_preset(tmp_path / "changed").activation_ranges
