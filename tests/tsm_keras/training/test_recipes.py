import dataclasses
import inspect
import re

import numpy as np
import pytest
from absl import flags

from tsm_keras.command_flags import parse
from tsm_keras.models.config.parts import network_parts
from tsm_keras.training import command
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.flags import (
    define,
    is_deterministic,
    name_recipe,
    recipe_from_flags,
)
from tsm_keras.training.optimization.schedules import learning_rate_schedule
from tsm_keras.training.recipes import RECIPES, find_recipe
from tsm_keras.training.runs.begin import serialized
from tsm_keras.training.start_checks import check_start

# Name, optimizer's rate and the clips per step it is for, epochs, steps, weight
# decay, dropout: as the reference publishes them.
PUBLISHED = (
    ("kinetics_8f", 0.02, 128, 50, (20, 40), 1e-4, 0.5),
    ("mobilenet_v2_kinetics", 0.02, 128, 100, (40, 80), 4e-5, 0.5),
    ("something_v1", 0.01, 64, 50, (20, 40), 1e-4, 0.5),
    ("something_v2", 0.01, 64, 50, (20, 40), 1e-4, 0.5),
    # As Something-Something.
    ("jester", 0.01, 64, 50, (20, 40), 1e-4, 0.5),
    ("online", 0.01, 64, 50, (20, 40), 1e-4, 0.5),
    ("ucf101_finetune", 0.001, 64, 25, (10, 20), 5e-4, 0.8),
    ("hmdb51_finetune", 0.001, 64, 25, (10, 20), 5e-4, 0.8),
)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row[0])
def test_recipes_are_as_published(row):
    name, rate, clips, epochs, steps, decay, dropout = row
    recipe = find_recipe(name)
    training = recipe.training
    assert training.optimizer == "sgd" and training.momentum == 0.9
    assert (training.learning_rate, training.rate_batch_size) == (rate, clips)
    assert (training.epochs, training.step_epochs) == (epochs, steps)
    assert training.weight_decay == decay and training.clip_norm == 20.0
    assert recipe.network["dropout"] == dropout
    assert recipe.augmentation.crop == "multi_scale"
    partial = name.endswith("_finetune")
    assert (training.batch_norm == "partial") == partial
    # Left and right are classes there; `online` is for such gestures.
    mirrors = not name.startswith(("something", "jester", "online"))
    assert recipe.augmentation.flip == mirrors
    mobile = name in ("mobilenet_v2_kinetics", "online")
    backbone = "mobilenet_v2" if mobile else "resnet50"
    assert recipe.network["backbone"] == backbone
    assert recipe.network["num_segments"] == 8
    shift = network_parts(recipe.network)["temporal"].shift
    assert shift == ("causal" if name == "online" else "bidirectional")
    kinetics = name.endswith("_finetune")
    assert recipe.start == ("kinetics" if kinetics else "imagenet")


def test_x3d_is_trained_as_its_paper_says():
    """Feichtenhofer, CVPR 2020, section 4.1."""
    recipe = find_recipe("x3d_kinetics")
    training = recipe.training
    assert training.optimizer == "sgd" and training.momentum == 0.9
    assert (training.learning_rate, training.rate_batch_size) == (0.1, 64)
    assert training.schedule == "cosine" and training.epochs == 256
    # One step per epoch: half a period falls from the peak to zero.
    rate = learning_rate_schedule(training, steps_per_epoch=1)
    rates = [float(rate(epoch)) for epoch in range(257)]
    assert np.argmax(rates) == 35 and rates[35] == pytest.approx(0.1)
    assert (np.diff(rates[:36]) > 0).all()
    expected = 0.05 * (1 + np.cos(np.pi * np.arange(222) / 221))
    np.testing.assert_allclose(rates[35:], expected, atol=1e-6)
    assert training.weight_decay == 5e-5 and recipe.network["dropout"] == 0.5
    assert recipe.sampling.method == "interval"
    parts = network_parts(recipe.network)
    # X3D-S sees 13 frames, every sixth of a video of 30 frames per second.
    assert parts["clip"].num_segments == 13
    assert parts["clip"].frame_interval == pytest.approx(6 / 30)
    assert parts["input"].image_size == 160


@pytest.mark.parametrize("name", RECIPES)
def test_docstrings_hold_commands_that_parse(name):
    text = inspect.getdoc(RECIPES[name])
    found = re.search(r"tsm train ((?:.+\n)+)", text)
    arguments = found[1].split()
    parse(command.FLAGS, "tsm train", arguments)
    name_recipe(command.FLAGS, has_boxes=False)
    assert command.FLAGS.recipe == name
    recipe = recipe_from_flags(command.FLAGS)
    network_parts(recipe.network)
    check_start(recipe, command.FLAGS.init, command.FLAGS.pretrained)
    assert recipe == find_recipe(name)


def test_any_field_can_be_given():
    wanted = TrainingConfig(
        epochs=3,
        batch_size=5,
        optimizer="sgd",
        learning_rate=0.3,
        rate_batch_size=7,
        momentum=0.8,
        schedule="step",
        step_epochs=(1, 2),
        warmup=0.2,
        weight_decay=0.3,
        bias_rate=3.0,
        classifier_rate=4.0,
        clip_norm=5.0,
        label_smoothing=0.2,
        batch_norm="frozen",
        teacher_weight=0.7,
        teacher_temperature=2.0,
        sync_batch_norm=True,
        frozen_stages=2,
        frozen_epochs=1,
        ema=0.9,
        accumulate=2,
        precision="mixed_bfloat16",
        class_weights="balanced",
        class_loss_weight=20.0,
        best_by="loss",
        patience=3,
        seed=9,
    )
    arguments = []
    for field in dataclasses.fields(wanted):
        value = getattr(wanted, field.name)
        assert value != field.default
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
        arguments.append(f"--{field.name}={value}")
    arguments += ["--size=48", "--flip", "--crop_scales=1,0.5", "--window=9"]
    arguments += ["--recipe=kinetics_8f", "--teacher=preset"]
    parse(command.FLAGS, "tsm train", arguments)
    recipe = recipe_from_flags(command.FLAGS)
    assert recipe.training == wanted
    assert recipe.network["image_size"] == 48
    assert recipe.network["backbone"] == "resnet50"
    assert recipe.augmentation.crop == "multi_scale"
    assert recipe.augmentation.crop_scales == (1.0, 0.5)
    assert recipe.sampling.window == 9
    again = serialized(command.FLAGS)
    parse(command.FLAGS, "tsm train", again)
    assert recipe_from_flags(command.FLAGS) == recipe
    assert serialized(command.FLAGS) == again


@pytest.mark.parametrize(
    ("arguments", "on_gpu"),
    [
        ((), False),
        (("--recipe=finetune_small",), False),
        (("--recipe=kinetics_8f",), True),
        (("--deterministic",), True),
    ],
)
def test_a_gpu_is_deterministic_for_published_recipes_only(arguments, on_gpu):
    parse(command.FLAGS, "tsm train", arguments)
    name_recipe(command.FLAGS, has_boxes=False)
    assert is_deterministic(command.FLAGS, has_gpu=True) == on_gpu
    assert is_deterministic(command.FLAGS, has_gpu=False)
    parse(command.FLAGS, "tsm train", [*arguments, "--nodeterministic"])
    assert not is_deterministic(command.FLAGS, has_gpu=False)


def test_help_says_what_comes_from_the_preset_that_training_starts_from():
    for name, text in (
        ("width", "(default: from --init, else from the recipe, else"),
        ("backbone", "(default: from --init, else from the recipe, else"),
        ("shift", "else from --init, else bidirectional)"),
        ("segments", "from the recipe if it names one, else from --init"),
        ("learning_rate", "(default: from the recipe, else 0.002)"),
        ("recipe", "finetune_small with --pretrained or with --init of"),
    ):
        assert text in command.FLAGS[name].help.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "has_boxes", "name"),
    [
        ((), False, "default"),
        (("--init=scratch",), False, "default"),
        (("--init=old",), False, "finetune_small"),
        (("--pretrained=imagenet",), False, "finetune_small"),
        (("--init=old", "--qat"), False, "quantization_aware"),
        ((), True, "vid_detection"),
        (("--init=old",), True, "vid_detection"),
        (("--init=old", "--recipe=default"), False, "default"),
        (("--recipe=default",), True, "default"),
    ],
)
def test_the_usual_recipe_depends_on_the_start(arguments, has_boxes, name):
    values = flags.FlagValues()
    define(values, "test")
    values(["tsm train", *arguments])
    name_recipe(values, has_boxes)
    assert values.recipe == name
    training = recipe_from_flags(values).training
    assert training == find_recipe(name).training


_MOBILE = ("--pretrained=imagenet", "--backbone=efficientnet_lite0")


@pytest.mark.parametrize(
    ("arguments", "stages", "shift_div"),
    [
        ((*_MOBILE, "--shift=causal"), (5, 6), 4),
        ((*_MOBILE, "--operator=shift", "--causal"), (5, 6), 4),
        ((*_MOBILE, "--shift=causal", "--shift_div=8"), (5, 6), 8),
        ((*_MOBILE, "--shift=causal", "--stages=2,5"), (2, 5), 8),
        (
            ("--pretrained=imagenet", "--backbone=resnet50", "--shift=causal"),
            (3, 4),
            4,
        ),
        (_MOBILE, (), 8),
        ((*_MOBILE, "--operator=mixtconv", "--causal"), (5, 6), 4),
        ((*_MOBILE, "--operator=mixtconv"), (), 8),
        (
            (*_MOBILE, "--operator=conv1d", "--kernels=3", "--causal"),
            (),
            8,
        ),
        ((*_MOBILE, "--shift=causal", "--recipe=default"), (), 8),
        (("--init=old", "--shift=causal"), (), 8),
        (("--shift=causal",), (), 8),
    ],
)
def test_a_pretrained_causal_operator_is_late(arguments, stages, shift_div):
    values = flags.FlagValues()
    define(values, "test")
    values(["tsm train", *arguments])
    name_recipe(values, has_boxes=False)
    temporal = network_parts(recipe_from_flags(values).network)["temporal"]
    assert (temporal.stages, temporal.shift_div) == (stages, shift_div)


def test_the_preset_is_written_where_the_run_was_begun(tmp_path, monkeypatch):
    """It is not written below the folder in which training is resumed."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "data").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    values = flags.FlagValues()
    define(values, "test")
    values(["tsm train", "--data=data", "--to=a/b", "--init=scratch"])
    assert serialized(values) == [
        f"--data={tmp_path}/here/data",
        "--init=scratch",
        f"--to={tmp_path}/here/a/b",
    ]


def test_a_start_that_a_recipe_needs_is_asked_for():
    assert check_start(find_recipe("online"), None, None) == "imagenet"
    assert check_start(find_recipe("jester"), "scratch", None) is None
    for name, message in (
        ("kinetics_8f", "--init=resnet50.pth"),
        ("hmdb51_finetune", "trained on Kinetics"),
        ("finetune_small", "a trained network"),
    ):
        with pytest.raises(ValueError, match=message):
            check_start(find_recipe(name), None, None)
    with pytest.raises(ValueError, match="two starts"):
        check_start(find_recipe("default"), "preset", "imagenet")


def test_the_recipe_of_quantization_aware_training_needs_its_flag():
    values = flags.FlagValues()
    define(values, "test")
    values(["tsm train", "--init=old", "--recipe=quantization_aware"])
    with pytest.raises(ValueError, match="add --qat. Received: recipe"):
        name_recipe(values, has_boxes=False)


@pytest.mark.parametrize("pretrained", ["Imagenet", "kinetics", True, 1])
def test_unknown_published_weights_are_refused(pretrained):
    with pytest.raises(ValueError, match="`pretrained`.*Received: pretrain"):
        check_start(find_recipe("default"), None, pretrained)


def test_a_backbone_without_published_weights_is_refused():
    recipe = find_recipe("default")
    network = {**recipe.network, "backbone": "mobilenet_v4_conv_small"}
    with pytest.raises(ValueError, match="Received: backbone='mobilenet_v4"):
        check_start(
            dataclasses.replace(recipe, network=network), None, "imagenet"
        )


def test_a_typo_gets_the_nearest_recipe():
    with pytest.raises(ValueError, match="did you mean 'kinetics_8f'"):
        find_recipe("kinetcs_8f")


@pytest.mark.parametrize(
    "fields",
    [
        {"bias_rate": 0.0},
        {"teacher_weight": 0.0},
        {"teacher_temperature": 0.0},
        {"frozen_epochs": -1},
        {"schedule": "step"},
        {"step_epochs": (3,)},
        {"optimizer": "sgd", "schedule": "step", "step_epochs": (4, 3)},
        {"batch_norm": "off"},
        {"precision": "float16"},
        {"warmup": 1.0},
        {"accumulate": 0},
        {"ema": 1.0},
        {"seed": -1},
        {"seed": 2**32},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ValueError, match=r"`\w+` must be .*Received: "):
        TrainingConfig(**fields)
