"""Flags of `tsm train`: the fields of a recipe, and those of the command."""

import dataclasses
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
from tsm_keras.training.flag_table import COMMAND_FLAGS
from tsm_keras.training.late_stages import late_stages
from tsm_keras.training.recipes import Recipe, find_recipe
from tsm_keras.training.starting_point import CHANGEABLE

# Names of flags, each with the field of a part of the network that it sets.
NETWORK_FLAGS: dict[type, dict[str, str]] = {
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
TRAINING_FLAGS = {
    field.name: field.name for field in dataclasses.fields(TrainingConfig)
}
_DETECTION = {"stride": "stride", "pyramid_channels": "pyramid_channels"}
# These say in the help where a value comes from if its flag is not given.
_FIXED = "from --init, else from the recipe, else "
_CHANGEABLE = "from the recipe if it names one, else from --init, else "
_RECIPE = "from the recipe, else "
_PACE = "from --init, else that of the training clips, or if unknown "
# Recipes that repeat no published training.
_OWN_RECIPES = (
    "default",
    "finetune_small",
    "quantization_aware",
    "vid_detection",
)
_SHIFT = (
    (
        "shift",
        flags.DEFINE_string,
        None,
        "How frames exchange channels: bidirectional (TSM), causal (online "
        "TSM, which can stream) or none (TSN, which can stream too). "
        f"(default: {_CHANGEABLE}{TemporalConfig().shift})",
    ),
)


def define(flag_values: flags.FlagValues, module_name: str) -> None:
    """Defines the flags of `tsm train`.

    Args:
        flag_values: The flag values that receive the flags.
        module_name: The module of the command, which `--help` lists.
    """
    define_groups(flag_values, module_name, COMMAND_FLAGS)
    for part, names in NETWORK_FLAGS.items():
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
    define_fields(
        flag_values,
        module_name,
        "training",
        TrainingConfig(),
        TRAINING_FLAGS,
        origin=dict.fromkeys(TRAINING_FLAGS, _RECIPE),
    )
    define_flags(flag_values, module_name)


def name_recipe(flag_values: flags.FlagValues, has_boxes: bool) -> None:
    """Sets `--recipe` to the usual recipe, unless the command line names one.

    Args:
        flag_values: The flags.
        has_boxes: Whether the clips of the data set have boxes, for a detector.

    Raises:
        ValueError: If a recipe for quantization-aware training is named
            without `--qat`.
    """
    if flag_values.recipe == "quantization_aware" and not flag_values.qat:
        raise ValueError(
            "This recipe is for quantization-aware training: add --qat. "
            f"Received: recipe={flag_values.recipe!r}"
        )
    if flag_values.recipe:
        return
    if has_boxes:
        flag_values.recipe = "vid_detection"
    elif flag_values.qat:
        flag_values.recipe = "quantization_aware"
    elif flag_values.pretrained or (flag_values.init or "scratch") != "scratch":
        flag_values.recipe = "finetune_small"
    else:
        flag_values.recipe = "default"


def recipe_from_flags(flag_values: flags.FlagValues) -> Recipe:
    """Returns the recipe of `--recipe`, changed by the other flags.

    With `--pretrained` and `finetune_small`, frames mix where `late_stages`
    says.

    Raises:
        ValueError: If there is no such recipe, or a setting is invalid or
            needs another one.
    """
    recipe = find_recipe(flag_values.recipe)
    training = given_training(flag_values)
    for name in ("teacher_weight", "teacher_temperature"):
        if name in training and not flag_values.teacher:
            raise ValueError(
                f"`{name}` needs a teacher: add --teacher=PRESET. "
                f"Received: {name}={training[name]}"
            )
    if flag_values.debug:
        training["epochs"] = min(2, training.get("epochs", 2))
    sampling, augmentation = configs_from_flags(
        flag_values, recipe.sampling, recipe.augmentation
    )
    network = {**recipe.network, **given_network(flag_values)}
    if flag_values.pretrained and flag_values.recipe == "finetune_small":
        network |= late_stages(network)
    return Recipe(
        dataclasses.replace(recipe.training, **training),
        network,
        sampling,
        augmentation,
        recipe.start,
        recipe.task,
    )


def given_training(flag_values: flags.FlagValues) -> dict[str, Any]:
    """Returns the fields of `TrainingConfig` that the command line sets."""
    given = given_fields(flag_values, TrainingConfig, TRAINING_FLAGS)
    if given.get("schedule", "step") != "step":
        given.setdefault("step_epochs", ())
    return given


def given_network(flag_values: flags.FlagValues) -> dict[str, Any]:
    """Returns the fields of the network that the command line sets."""
    given: dict[str, Any] = {}
    for part, names in NETWORK_FLAGS.items():
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
