"""Flags of `tsm train`: any field of a recipe, and what is not in one."""

import dataclasses
import os
from typing import Any

from absl import flags

from tsm_keras.data.pipeline.flags import configs_from_flags, define_flags
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.recipes import RECIPES, Recipe, find_recipe
from tsm_keras.training.starting_point import CHANGEABLE

_KINDS = {
    bool: flags.DEFINE_boolean,
    float: flags.DEFINE_float,
    int: flags.DEFINE_integer,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,
}
# Flag, field of VideoClassifierConfig, what it does.
_NETWORK = (
    ("backbone", "backbone", "mobilenet_v2, resnet18, 34, 50 or 101."),
    ("width", "width", "Channel multiplier of MobileNetV2."),
    ("size", "image_size", "Pixels a side."),
    (
        "resize_size",
        "resize_size",
        "Short side before the crop; 0: 8/7 size. It scales with --size.",
    ),
    ("segments", "num_segments", "Frames a clip."),
    ("shift", "shift", "bidirectional, causal (can stream) or none."),
    ("shift_div", "shift_div", "Shifted fold: 1/shift_div of the channels."),
    ("placement", "placement", "Of the shift: residual or inplace."),
    ("non_local", "non_local", "Non-local blocks, in ResNet-50."),
    ("dropout", "dropout", "Rate before the classifier."),
)
# Where these come from, if not from the command line.
_FIXED = "that of --init; without, the recipe's; of `default`: "
_CHANGEABLE = (
    "the recipe's if it names one, else that of a preset of --init, else "
)
# A trained network needs smaller steps: the rate of `default` is divided by it.
_SMALLER = 10
# Field of TrainingConfig, which is the flag's name too; what it does.
_TRAINING = (
    ("epochs", "Passes over the data."),
    ("batch_size", "Clips a step, of all devices and workers together."),
    ("optimizer", "adamw or sgd."),
    ("learning_rate", "Peak."),
    ("rate_batch_size", "The clips a step learning_rate is for; 0: any."),
    ("momentum", "Of SGD."),
    ("schedule", "cosine, step or constant."),
    ("step_epochs", "Epochs at which the rate falls to a tenth."),
    ("warmup", "Share of all steps in which the rate rises."),
    ("weight_decay", "Of kernels only."),
    ("bias_rate", "Factor of the rate of biases (sgd)."),
    ("classifier_rate", "Factor of the rate of the classifier (sgd)."),
    ("clip_norm", "Global norm to clip gradients to, 0 for none."),
    ("label_smoothing", "0..1."),
    ("batch_norm", "train, partial (all but the first frozen) or frozen."),
    ("sync_batch_norm", "Normalize over all devices and workers together."),
    ("frozen_stages", "First stages that do not learn; 1 is the stem."),
    ("frozen_epochs", "After these the stages learn too; 0: never (sgd)."),
    ("ema", "Decay of averaged weights, 0 for none."),
    ("accumulate", "Batches that make one step."),
    ("precision", "float32, mixed_bfloat16 or mixed_float16."),
    ("patience", "Epochs without a better test after which it ends."),
    ("seed", "Of everything drawn."),
)
_FLOAT, _TEXT = flags.DEFINE_float, flags.DEFINE_string
_BOOLEAN = flags.DEFINE_boolean
# Flag, kind, default, what it does.
_COMMAND = (
    (
        "data",
        _TEXT,
        None,
        "Prepared data set, or folder of train/ and test/.",
    ),
    ("to", _TEXT, None, "Preset folder to write."),
    ("run", _TEXT, None, "Folder of the run. (default: that of --to + .run)"),
    ("resume", _TEXT, None, "Folder of a run to go on with; needs no other."),
    ("overwrite", _BOOLEAN, False, "Replace that preset and its run."),
    ("recipe", _TEXT, "default", f"One of {', '.join(RECIPES)}."),
    (
        "init",
        _TEXT,
        None,
        "Weights to start from: a preset or a PyTorch file; or scratch.",
    ),
    (
        "pretrained",
        _TEXT,
        None,
        "imagenet: MobileNetV2's weights of keras.applications.",
    ),
    (
        "qat",
        _BOOLEAN,
        False,
        "Train --init with int8's roundings, for tsm export "
        "--quantize=int8_qat.",
    ),
    (
        "validation_split",
        _TEXT,
        None,
        "Split that chooses the best epoch. (default: val, or test where "
        "there is no val)",
    ),
    (
        "test_split",
        _TEXT,
        None,
        "Split that the finished network is tested on. (default: test, if it "
        "is not the one that chooses)",
    ),
    (
        "max_bad_fraction",
        _FLOAT,
        0.0,
        "Share of a folder's videos that may be unreadable; they are left out.",
    ),
    (
        "cache",
        _BOOLEAN,
        False,
        "Keep the data in memory: decoded frames of videos (small sets), JPEG "
        "frames of a prepared data set.",
    ),
    (
        "distribute",
        _TEXT,
        "none",
        "none, mirrored (all GPUs here) or multi_worker (TF_CONFIG).",
    ),
    (
        "deterministic",
        _BOOLEAN,
        True,
        "The same bits in each run; without, a GPU is faster.",
    ),
    ("debug", _BOOLEAN, False, "Two steps of everything: does it run?"),
)
# These say where a run is, not what.
_NOT_OF_THE_RUN = ("resume", "overwrite", "run")


def define(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines the flags.

    Args:
        flag_values: Where.
        module_name: Of the command, under which its help lists them.
    """
    network = VideoClassifierConfig(num_classes=2)
    rows = list(_COMMAND)
    for name, field, text in _NETWORK:
        value = 0 if field == "resize_size" else getattr(network, field)
        origin = _CHANGEABLE if field in CHANGEABLE else _FIXED
        text = f"{text} (default: {origin}{value})"
        rows.append((name, _KINDS[type(value)], None, text))
    for field, text in _TRAINING:
        value = getattr(TrainingConfig(), field)
        shown = str(value)
        if isinstance(value, tuple):
            shown = ",".join(map(str, value))
        if field == "learning_rate":
            shown += f", with --init {value / _SMALLER}"
        text = f"{text} (default: the recipe's; of `default`: {shown})"
        rows.append((field, _KINDS[type(value)], None, text))
    for name, kind, default, text in rows:
        kind(name, default, text, flag_values=flag_values)
        flag_values.register_flag_by_module(module_name, flag_values[name])
    define_flags(flag_values, module_name)


def recipe_from_flags(flag_values: flags.FlagValues) -> Recipe:
    """Returns the recipe that is asked for, with what is given besides.

    Raises:
        ValueError: If there is no such recipe, or a setting is invalid.
    """
    recipe = find_recipe(flag_values.recipe)
    training = {
        field: flag_values[field].value
        for field, _ in _TRAINING
        if is_given(flag_values, field)
    }
    if steps := training.get("step_epochs"):
        try:
            training["step_epochs"] = tuple(int(step) for step in steps)
        except ValueError:
            raise ValueError(
                "`step_epochs` must be whole numbers with commas between them."
                f" Received: step_epochs={','.join(steps)!r}"
            ) from None
    if training.get("schedule", "step") != "step":
        training.setdefault("step_epochs", ())
    is_trained = flag_values.init not in (None, "", "scratch")
    if flag_values.recipe == "default" and is_trained:
        rate = recipe.training.learning_rate / _SMALLER
        training.setdefault("learning_rate", rate)
    if flag_values.debug:
        training["epochs"] = min(2, training.get("epochs", 2))
    sampling, augmentation = configs_from_flags(
        flag_values, recipe.sampling, recipe.augmentation
    )
    return Recipe(
        dataclasses.replace(recipe.training, **training),
        {**recipe.network, **given_network(flag_values)},
        sampling,
        augmentation,
        recipe.start,
    )


def given_network(flag_values: flags.FlagValues) -> dict[str, Any]:
    """Returns the fields of the network that the command line sets."""
    return {
        field: flag_values[name].value
        for name, field, _ in _NETWORK
        if is_given(flag_values, name)
    }


def is_given(flag_values: flags.FlagValues, name: str) -> bool:
    """Whether a flag is on the command line."""
    return flag_values[name].present > 0


def serialized(flag_values: flags.FlagValues) -> list[str]:
    """Returns what was given, for a run that goes on from anywhere."""
    return sorted(
        f"--{name}={os.path.abspath(flag_values[name].value)}"
        if _is_path(name, flag_values[name].value)
        else flag_values[name].serialize()
        for name in flag_values
        if is_given(flag_values, name) and name not in _NOT_OF_THE_RUN
    )


def _is_path(name, value):
    # The preset is not there yet; what is to be read may be a word (scratch).
    return bool(value) and (
        name == "to" or (name in ("data", "init") and os.path.exists(value))
    )
