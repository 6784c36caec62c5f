"""Flags of `tsm expand`, and the network and the recipe that they describe."""

import dataclasses
import pathlib

from absl import flags

from tsm_keras.command_flags import (
    define_fields,
    define_groups,
    given_fields,
)
from tsm_keras.data.flag_rows import MAX_BAD_FRACTION
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.models.config import HeadConfig, VideoClassifierConfig
from tsm_keras.models.config.parts import flat_name
from tsm_keras.models.presets import read_description
from tsm_keras.training.config import Recipe, TrainingConfig
from tsm_keras.training.expansion.axes import AXES
from tsm_keras.training.flags import (
    NETWORK_FLAGS,
    TRAINING_FLAGS,
    given_training,
)
from tsm_keras.training.recipes import RECIPES, find_recipe

# The flags of `tsm train` that change the network to start from.
_CHANGES = (
    *("width", "depth", "bottleneck", "activation", "dropout", "size"),
    *("segments", "frame_interval", "operator", "causal", "context"),
)
# Candidates are classifiers that start from random weights.
_RECIPES = [
    name
    for name, recipe in RECIPES.items()
    if recipe().start != "preset" and recipe().task == "classification"
]
_NETWORK = {
    part: {name: names[name] for name in names if name in _CHANGES}
    for part, names in NETWORK_FLAGS.items()
}
_FLOAT, _TEXT = flags.DEFINE_float, flags.DEFINE_string
_INTEGER, _BOOLEAN = flags.DEFINE_integer, flags.DEFINE_boolean
_COMMAND = {
    "data": (
        (
            "data",
            _TEXT,
            None,
            "Prepared data set, or folder with train/ and val/, each with "
            "one folder per class.",
        ),
        (
            "validation_split",
            _TEXT,
            None,
            "Split that measures the accuracy. (default: val, or test if "
            "there is no val)",
        ),
        MAX_BAD_FRACTION,
        (
            "cache",
            _BOOLEAN,
            False,
            "Keep the data in memory, in each process.",
        ),
    ),
    "search": (
        (
            "start",
            _TEXT,
            "x2d",
            "Network to start from: a network of X3D "
            f"({', '.join(X3D_NETWORKS)}), a backbone, or a preset, whose "
            "weights are not used.",
        ),
        (
            "axes",
            flags.DEFINE_list,
            list(AXES),
            "Axes to expand along. Those that the backbone does not have "
            "are left out.",
        ),
        (
            "steps",
            _INTEGER,
            5,
            "Largest number of steps.",
            {"lower_bound": 1},
        ),
        (
            "objective",
            _TEXT,
            "flops",
            "Cost of a network: flops (10^9 multiply-adds per clip) or "
            "latency (milliseconds of computing per second of video, "
            "streamed in int8 on this machine).",
        ),
        (
            "budget",
            _FLOAT,
            None,
            "Highest cost of the network to find, in the unit of the "
            "objective. (default: no limit)",
        ),
        (
            "jobs",
            _INTEGER,
            1,
            "Candidates to train side by side, each in its own process.",
            {"lower_bound": 1},
        ),
        ("to", _TEXT, None, "Folder to write."),
    ),
    "recipe": (
        (
            "recipe",
            _TEXT,
            "default",
            "Recipe to take the training and augmentation from: one of "
            f"{', '.join(_RECIPES)}.",
        ),
        (
            "deterministic",
            _BOOLEAN,
            None,
            "Make equal candidates bit-identical; a GPU is faster without. "
            "(default: as in tsm train)",
        ),
    ),
}


def define(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines the flags of `tsm expand`.

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
            origin="from --start, else ",
        )
    define_fields(
        flag_values,
        module_name,
        "training",
        TrainingConfig(),
        TRAINING_FLAGS,
        origin="from the recipe, else ",
    )


def recipe_from_flags(flag_values: flags.FlagValues) -> Recipe:
    """Returns the recipe of `--recipe`, changed by the other flags.

    Raises:
        ValueError: If there is no such recipe, it is not for classifiers that
            start from random weights, or a setting is invalid.
    """
    recipe = find_recipe(flag_values.recipe)
    if flag_values.recipe not in _RECIPES:
        raise ValueError(
            "`recipe` must be for classifiers that start from random weights: "
            f"one of {_RECIPES}. Received: recipe={flag_values.recipe!r}"
        )
    given = given_training(flag_values)
    return dataclasses.replace(
        recipe,
        training=dataclasses.replace(recipe.training, **given),
        # Only these clips have a duration and a frame rate.
        sampling=SamplingConfig("interval"),
    )


def network_from_flags(flag_values: flags.FlagValues) -> VideoClassifierConfig:
    """Returns the network of `--start`, changed by the other flags.

    Its head has no meaning. The frame interval is 0 if it is unknown.

    Raises:
        ValueError: If there is no such network, or a setting is invalid.
    """
    given = {
        flat_name(part, field): value
        for part, names in _NETWORK.items()
        for field, value in given_fields(flag_values, part, names).items()
    }
    start, any_head = flag_values.start, (HeadConfig(2),)
    if start in X3D_NETWORKS:
        fields = {**X3D_NETWORKS[start], **given}
        if fields["num_segments"] == 1 and "frame_interval" not in given:
            fields["frame_interval"] = 0.0  # The interval of no two frames.
        return VideoClassifierConfig(**fields, heads=any_head)
    if start in BACKBONES:
        return VideoClassifierConfig(backbone=start, **given, heads=any_head)
    if not pathlib.Path(start).is_dir():
        raise ValueError(
            f"`start` must be one of {[*X3D_NETWORKS, *BACKBONES]}, or the "
            f"folder of a preset. Received: start={start!r}"
        )
    config = read_description(start)["config"]
    size = given.pop("image_size", None)
    return config.with_image_size(size).changed(**given)
