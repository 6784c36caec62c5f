import numpy as np
import pytest
from tensorflow import keras

from testing.gestures import LABELS, shared_videos
from testing.models import random_clips, randomize, small_config
from tsm_keras.checkpoints.imagenet import read_imagenet
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.readers.clip_reader import as_reader
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.imagenet import imagenet_config
from tsm_keras.models.presets import save_preset
from tsm_keras.models.weights import leaf_layers
from tsm_keras.training.recipes import Recipe, find_recipe
from tsm_keras.training.starting_point import (
    pace_warning,
    read_source,
    starting_model,
)


@pytest.fixture(scope="module")
def clips():
    return as_reader(shared_videos())


def _source(**fields):
    fields = {"image_size": 32, "labels": (), **fields}
    model = build_clip_model(small_config("resnet18", **fields))
    randomize(model, seed=0)
    return model


def _same_weights(model, source):
    """Names of layers whose weights are those of the source."""
    old = dict(leaf_layers(source))
    return {
        name
        for name, layer in leaf_layers(model)
        if all(
            one.shape == other.shape and np.array_equal(one, other)
            for one, other in zip(
                layer.get_weights(), old[name].get_weights(), strict=True
            )
        )
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"num_classes": 7},
            "the source has 7 classes, this network has 4",
        ),
        (
            {"num_classes": 4, "labels": ("a", "b", "c", "d")},
            "the source has other classes",
        ),
        ({"num_classes": 4}, None),  # It does not say which.
        ({"num_classes": 4, "labels": LABELS}, None),
    ],
)
def test_other_classes_replace_the_head_only(clips, fields, reason):
    source = _source(**fields)
    model, report = starting_model(
        Recipe(network={"dropout": 0.2}), {}, clips, source=source, name="old"
    )
    names = {name for name, _ in leaf_layers(source)}
    if reason:
        names -= {"classifier"}
        assert reason in report.skipped["classifier"]
        assert f"skipped classifier: {reason}" in report.to_text()
    assert _same_weights(model, source) == names == set(report.loaded)
    assert f"loaded {len(names)} layers" in report.to_text()
    config = model.video_config
    assert config.head.labels == LABELS and config.backbone.dropout == 0.2
    assert (
        config.temporal.shift == "causal" and config.backbone.name == "resnet18"
    )


def test_what_fits_no_weights_is_refused_and_what_does_is_changed(clips):
    source = _source()
    given = {"image_size": 48, "num_segments": 2, "shift": "bidirectional"}
    model, report = starting_model(
        Recipe(network=given), given, clips, source=source, name="old"
    )
    assert model.input_shape == (None, 2, 48, 48, 3)
    assert "trained with shift='causal'" in report.to_text()
    for field, value in (("backbone", "resnet50"), ("shift_div", 4)):
        with pytest.raises(ValueError, match=f"leave this .*{field}={value!r}"):
            starting_model(
                Recipe(network={field: value}),
                {field: value},
                clips,
                source=source,
                name="old",
            )
    # What only the recipe says gives way to the weights.
    recipe = find_recipe("kinetics_8f")
    model, _ = starting_model(recipe, {}, clips, source=source, name="old")
    assert model.video_config.backbone.name == "resnet18"


def test_the_report_says_which_network_comes_of_a_preset(clips):
    """Else who starts from a TSN gets a TSN, and is not told."""
    fields = {"width": 0.35, "shift": "none", "labels": ()}
    tsn = build_clip_model(small_config(image_size=32, **fields))
    default = find_recipe("default")
    model, report = starting_model(default, {}, clips, source=tsn, name="tsn")
    assert model.video_config.temporal.shift == "none"
    assert report.to_text().startswith(
        "start: tsn\n  network: mobilenet_v2, width 0.35, shift none, "
        "4 segments, 32 pixels\n"
    )
    causal = Recipe(network={"shift": "causal"})
    _, report = starting_model(causal, {}, clips, source=tsn, name="tsn")
    assert "width 0.35, shift causal, 4 segments" in report.to_text()
    _, report = starting_model(default, {}, clips, source=_source(), name="old")
    assert "network: resnet18, shift causal" in report.to_text()


@pytest.mark.parametrize(
    ("start", "blocks"),
    [
        ("none", 8),
        ("causal", 8),
        pytest.param("imagenet", 9, marks=pytest.mark.slow),
    ],
)
def test_mixtconv_starts_from_a_network_without_its_kernels(
    clips, start, blocks
):
    """TSN, TSM and ImageNet: all layers are loaded, except the kernels."""
    given = {"operator": "mixtconv", "causal": True}
    if start == "imagenet":
        weights = BACKBONES["efficientnet_lite0"].imagenet
        for package in ("torch", weights.package):
            pytest.importorskip(package)
        source = read_imagenet(weights)
        given |= {"backbone": "efficientnet_lite0", "image_size": 32}
        arguments = {"pretrained": "imagenet"}
    else:
        source = _source(shift=start, num_classes=4, labels=LABELS)
        arguments = {"source": source, "name": "old"}
    model, report = starting_model(
        Recipe(network=given), given, clips, **arguments
    )
    temporal = model.video_config.temporal
    assert temporal.operator == "mixtconv" and temporal.causal
    kernels = {
        name for name, _ in leaf_layers(model) if "_time_kernel_" in name
    }
    assert len(kernels) == 4 * blocks  # Of 1, 3, 5 and 7 frames.
    skipped = dict(report.skipped)
    if start == "imagenet":
        assert "has 1000 classes" in skipped.pop("classifier")
    assert skipped == dict.fromkeys(
        kernels, "the source lacks it; it starts untrained"
    )
    old, new = dict(leaf_layers(source)), dict(leaf_layers(model))
    assert set(report.loaded) == new.keys() - report.skipped.keys()
    assert set(report.loaded) == old.keys() - report.skipped.keys()
    for name in report.loaded:
        for one, other in zip(
            new[name].get_weights(), old[name].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_a_torchvision_file_gives_a_resnet_its_imagenet_weights(
    clips, tmp_path
):
    torch = pytest.importorskip("torch")
    from testing.torch_networks import ResNet

    tensors = ResNet(18).state_dict()
    tensors["fc.weight"], tensors["fc.bias"] = (
        torch.zeros(1000, 512),
        torch.zeros(1000),
    )
    path = tmp_path / "resnet18.pth"
    torch.save(tensors, path)
    recipe = Recipe(network={"backbone": "resnet18", "image_size": 32,
                             "num_segments": 4})  # fmt: skip
    source = read_source(path, recipe)
    model, report = starting_model(
        recipe, {}, clips, source=source, name="resnet18.pth"
    )
    assert set(report.skipped) == {"classifier"}
    assert "has 1000 classes, this network has 4" in report.to_text()
    kernel = tensors["conv1.weight"].numpy()
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").get_weights()[0],
        kernel.transpose(2, 3, 1, 0),
    )


def test_a_file_that_tells_little_is_a_start_all_the_same(clips, tmp_path):
    """Data set, classes and fold of the old training do not matter."""
    torch = pytest.importorskip("torch")
    from testing.torch_networks import ResNet

    tensors = ResNet(18).state_dict()
    for name in ("fc.weight", "fc.bias"):
        tensors.pop(name, None)
    torch.save(tensors, tmp_path / "mine.pth")
    recipe = Recipe(network={"image_size": 32, "num_segments": 4})
    source = read_source(tmp_path / "mine.pth", recipe)
    model, report = starting_model(
        recipe, {}, clips, source=source, name="mine.pth"
    )
    assert set(report.skipped) == {"classifier"}
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").get_weights()[0],
        tensors["conv1.weight"].numpy().transpose(2, 3, 1, 0),
    )


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        ("segments", {}, 0.11),
        ("interval", {}, 0.11),
        ("interval", {"frame_interval": 0.05}, 0.05),
        ("segments", {"frame_interval": 0.05}, 0.05),
        ("segments", {"frame_interval": 0.0}, None),  # That of the clips.
    ],
)
def test_the_pace_of_the_start_is_kept_unless_another_is_given(
    clips, method, given, expected
):
    source = _source(num_classes=4, labels=LABELS, frame_interval=0.11)
    recipe = Recipe(network=given, sampling=SamplingConfig(method))
    model, _ = starting_model(recipe, given, clips, source=source, name="old")
    of_clips = clips.frame_interval(4)
    found = model.video_config.clip.frame_interval
    assert found == (of_clips if expected is None else expected)
    # These clips are much slower, if their frames are spread over them.
    warning = pace_warning(model.video_config, clips, recipe.sampling)
    if method == "interval" or expected is None:
        assert warning == ""
    else:
        assert f"every {found:g} s" in warning
        assert f"--frame_interval={of_clips:g}" in warning


@pytest.mark.parametrize("method", ["segments", "dense", "interval"])
def test_a_new_network_has_the_pace_of_its_clips_or_the_given_one(
    clips, method
):
    fields = {"backbone": "resnet18", "image_size": 32, "num_segments": 4}
    sampling = SamplingConfig(method, window=8)
    model, _ = starting_model(
        Recipe(network=fields, sampling=sampling), {}, clips
    )
    found = model.video_config.clip.frame_interval
    expected = clips.frame_interval(4)
    if method == "dense":
        expected = round(2 / clips.frame_rate, 4)
    assert found == expected
    assert pace_warning(model.video_config, clips, sampling) == ""
    fields["frame_interval"] = 0.2
    model, _ = starting_model(
        Recipe(network=fields, sampling=sampling), {}, clips
    )
    assert model.video_config.clip.frame_interval == 0.2


def test_a_preset_starts_as_it_was_saved(clips, tmp_path):
    source = _source(num_classes=4, labels=LABELS)
    save_preset(source, tmp_path / "old")
    found = read_source(tmp_path / "old", Recipe())
    assert found.video_config == source.video_config
    with pytest.raises(FileNotFoundError, match="preset folder or a weights"):
        read_source(tmp_path / "nowhere", Recipe())


def test_a_mark_without_weights_starts_untrained_and_is_reported(
    clips,
):
    """Non-local blocks begin as the identity: the network computes the same."""
    fields = {"image_size": 32, "shift": "none", "num_classes": 4}
    source = build_clip_model(small_config("resnet50", **fields))
    randomize(source, seed=0)
    given = {"non_local": True}
    model, report = starting_model(
        Recipe(network=given), given, clips, source=source, name="old"
    )
    blocks = [
        layer.name
        for layer in model.layers
        if layer.name.endswith("_time_non_local")
    ]
    assert len(blocks) == 5
    assert report.skipped == dict.fromkeys(
        blocks, "the source lacks it; it starts untrained"
    )
    assert len(report.loaded) == len(list(leaf_layers(source)))
    frames = random_clips(source.video_config)
    np.testing.assert_allclose(
        model(frames, training=False),
        source(frames, training=False),
        rtol=1e-4,
        atol=1e-5,
    )
    # The other way round, weights that nothing takes stay an error.
    with pytest.raises(ValueError, match="do not fit.*25 layers.*non_local"):
        starting_model(
            Recipe(network={"non_local": False}),
            {"non_local": False},
            clips,
            source=model,
            name="new",
        )


def test_imagenet_weights_are_a_start_like_others(clips, monkeypatch):
    published = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None
    )
    randomize(published, seed=3)
    monkeypatch.setattr(
        keras.applications, "MobileNetV2", lambda **_: published
    )
    given = {"width": 0.35, "image_size": 96, "num_segments": 2}
    recipe = Recipe(network={**given, "shift": "causal"})
    model, report = starting_model(recipe, given, clips, pretrained="imagenet")
    config = model.video_config
    assert config == imagenet_config(config)
    assert config.head.labels == LABELS and config.temporal.shift == "causal"
    assert set(report.skipped) == {"classifier"}
    names = {name for name, _ in leaf_layers(model)}
    assert set(report.loaded) == names - {"classifier"}
    np.testing.assert_array_equal(
        model.get_layer("stage_06_block_02_expand").get_weights()[0],
        published.get_layer("block_15_expand").get_weights()[0],
    )
    assert report.to_text().startswith(
        "start: ImageNet weights of keras.applications\n"
        "  network: mobilenet_v2, width 0.35, shift causal"
    )
