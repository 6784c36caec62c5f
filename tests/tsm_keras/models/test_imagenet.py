"""ImageNet start: our MobileNetV2 computes what keras.applications does."""

import numpy as np
import pytest
from tensorflow import keras

from testing.models import random_clips, randomize, small_config
from testing.numerics import relative_error
from tsm_keras.models.backbones.mobilenet_v2 import applications_name
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.imagenet import (
    imagenet_config,
    load_imagenet_weights,
)

CONFIG = small_config(shift="none", image_size=96, num_segments=2)


def applications_model(alpha=0.35, include_top=False):
    model = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3),
        alpha=alpha,
        include_top=include_top,
        weights=None,
    )
    randomize(model, seed=3)
    return model


def pretrained(config):
    """Builds the network of a config with published weights."""
    model = build_clip_model(imagenet_config(config))
    load_imagenet_weights(model)
    return model


@pytest.fixture(scope="module")
def source():
    return applications_model()


def features(model, clips):
    """What the backbone takes and gives for every frame, before pooling."""
    names = ("normalize", "head_bn_relu6")
    outputs = [model.get_layer(name).output for name in names]
    probe = keras.Model(model.inputs[0], outputs)
    return [output.numpy() for output in probe(clips, training=False)]


def test_features_equal_keras_applications(source):
    model = build_clip_model(imagenet_config(CONFIG))
    randomize(model, seed=4)
    clips = random_clips(CONFIG, clips=2)
    frames, others = features(model, clips)
    # Compared on the same inputs: a random network of 52 layers makes much of
    # the last bit of a pixel.
    scaled = clips.reshape(-1, 96, 96, 3) / 127.5 - 1.0
    assert relative_error(frames, scaled) <= 1e-6
    expected = source(frames, training=False).numpy()
    assert relative_error(others, expected) > 1e-2
    classifier = model.get_layer("classifier").get_weights()
    load_imagenet_weights(model, source)
    assert relative_error(features(model, clips)[1], expected) <= 1e-5
    assert 0.1 < np.mean(expected > 0) < 0.9  # Alive, and not saturated.
    for kept, given in zip(
        model.get_layer("classifier").get_weights(), classifier, strict=True
    ):
        np.testing.assert_array_equal(kept, given)


@pytest.mark.parametrize(
    "change",
    [
        {"stride_padding": "symmetric"},
        {"batch_norm_epsilon": 1e-5},
        {"pixel_mean": (123.675, 116.28, 103.53)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_convention_matters(source, change):
    """None of what `imagenet_config` sets could be left out."""
    fields = {
        "stride_padding": "same",
        "batch_norm_epsilon": 1e-3,
        "pixel_mean": (127.5, 127.5, 127.5),
        "pixel_std": (127.5, 127.5, 127.5),
    }
    fields = {"shift": "none", "image_size": 96, **fields}
    assert small_config(**fields) == imagenet_config(small_config(**fields))
    clips = random_clips(CONFIG)
    frames = clips.reshape(-1, 96, 96, 3) / 127.5 - 1.0
    model = build_clip_model(
        small_config(**{**fields, "num_segments": 2, **change})
    )
    load_imagenet_weights(model, source)
    expected = source(frames, training=False).numpy()
    assert relative_error(features(model, clips)[1], expected) > 1e-2


def test_published_weights_are_asked_for_and_loaded(source, monkeypatch):
    asked = {}

    def published(**arguments):
        asked.update(arguments)
        return source

    monkeypatch.setattr(keras.applications, "MobileNetV2", published)
    model = pretrained(CONFIG)
    assert asked == {
        "input_shape": (96, 96, 3),
        "alpha": 0.35,
        "include_top": False,
        "weights": "imagenet",
    }
    np.testing.assert_array_equal(
        model.get_layer("stage_06_block_02_expand").get_weights()[0],
        source.get_layer("block_15_expand").get_weights()[0],
    )


def test_sizes_without_published_weights_take_those_of_224(monkeypatch):
    """The weights of a convolution do not depend on the image's size."""
    asked = {}

    def published(**arguments):
        asked.update(arguments)
        raise OSError("offline")

    monkeypatch.setattr(keras.applications, "MobileNetV2", published)
    with pytest.raises(OSError):
        pretrained(small_config())
    assert asked["input_shape"] == (224, 224, 3)


def test_failing_download_says_what_to_do(monkeypatch):
    def offline(**_):
        raise Exception("URL fetch failure on https://storage: None -- down")

    monkeypatch.setattr(keras.applications, "MobileNetV2", offline)
    with pytest.raises(OSError, match="without pretrained=.*URL fetch failure"):
        pretrained(CONFIG)


def test_refuses_a_source_with_its_top():
    model = build_clip_model(imagenet_config(CONFIG))
    with pytest.raises(ValueError, match="include_top=False.*predictions"):
        load_imagenet_weights(model, applications_model(include_top=True))


def test_refuses_a_source_of_another_width():
    model = build_clip_model(imagenet_config(CONFIG))
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(ValueError, match="the same width"):
        load_imagenet_weights(model, applications_model(alpha=0.5))
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_refuses_a_source_that_is_another_network():
    model = build_clip_model(imagenet_config(CONFIG))
    other = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3)], name="other"
    )
    with pytest.raises(ValueError, match="Received: .* layers that differ"):
        load_imagenet_weights(model, other)


@pytest.mark.parametrize(
    "config",
    [
        small_config("resnet18"),
        small_config("resnet50"),
        small_config(width=0.4),
    ],
    ids=["resnet18", "resnet50", "width_0.4"],
)
def test_refuses_networks_without_published_weights(config):
    with pytest.raises(ValueError, match="need backbone='mobil.*Received: ba"):
        pretrained(config)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem_conv", "Conv1"),
        ("stem_bn", "bn_Conv1"),
        ("stage_01_block_00_depthwise", "expanded_conv_depthwise"),
        ("stage_01_block_00_project_bn", "expanded_conv_project_BN"),
        ("stage_04_block_01_expand_bn", "block_7_expand_BN"),
        ("stage_07_block_00_project", "block_16_project"),
        ("head_conv", "Conv_1"),
        ("head_bn", "Conv_1_bn"),
    ],
)
def test_names(ours, theirs):
    assert applications_name(ours) == theirs
