"""find_x3d: infers the factors of an X3D from the shapes of its tensors."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.models.backbones.mobilenet_v2 import channels
from tsm_keras.models.backbones.x3d import STAGES, X3D_NETWORKS

# Factors to try: those of the paper's networks, then multiples of 0.05.
_STEPS = tuple(step / 20 for step in range(1, 121))


def find_x3d(
    naming: Naming, tensors: Mapping[str, np.ndarray]
) -> dict[str, tuple[Any, str]]:
    """Infers the properties of an X3D that its tensors show.

    Args:
        naming: The naming of pytorchvideo or SlowFast.
        tensors: The state dict.

    Returns:
        Each property's value, and how it was found.

    Raises:
        CheckpointError: If no factors give the network's channels and blocks.
    """

    def weight(layer):
        key = f"{naming.module_name(layer, backbone='x3d')}.weight"
        if key not in tensors:
            raise CheckpointError(
                f"An X3D must have all of its layers. Received: no {key}"
            )
        return tensors[key]

    outputs, inner, blocks = [], [], []
    for stage in range(1, len(STAGES) + 1):
        name = f"stage_{stage:02d}_block_00"
        outputs.append(len(weight(f"{name}_project")))
        inner.append(len(weight(f"{name}_channelwise")))
        blocks.append(_count_blocks(naming, tensors, stage))
    shortcut = naming.module_name(
        "stage_01_block_00_shortcut_bn", backbone="x3d"
    )
    shapes = "the tensors' shapes"
    return {
        "backbone": ("x3d", "the tensors' names"),
        "width": (
            _factor(
                "width",
                lambda width: [channels(it.channels, width) for it in STAGES],
                outputs,
            ),
            shapes,
        ),
        "bottleneck": (
            _factor(
                "bottleneck",
                lambda factor: [int(factor * filters) for filters in outputs],
                inner,
            ),
            shapes,
        ),
        "depth": (
            _factor(
                "depth",
                lambda depth: [math.ceil(it.blocks * depth) for it in STAGES],
                blocks,
            ),
            "the number of blocks",
        ),
        "shortcut_batch_norm": (
            f"{shortcut}.weight" in tensors,
            "the names of the first block's shortcut",
        ),
        "operator": ("conv3d", "the only one of X3D"),
        "causal": (False, f"all networks of {naming.name} see whole clips"),
        "num_classes": (len(weight("classifier")), "the classifier's shape"),
        "input_channels": (
            weight("stem_conv").shape[1],
            "the first convolution's shape",
        ),
    }


def found_beside_x3d(
    naming: Naming,
    stated: Mapping[str, Any],
    found: Mapping[str, tuple[Any, str]],
) -> dict[str, tuple[Any, str]]:
    """Returns the facts from the file's name and the family's conventions.

    Args:
        naming: The naming of pytorchvideo or SlowFast.
        stated: What the name of the file states.
        found: The result of `find_x3d`.
    """
    how = f"as in {naming.name}"
    network = X3D_NETWORKS["x3d_s"]
    channels = found["input_channels"][0]
    beside = {
        "num_segments": (None, ""),
        "image_size": (network["image_size"], "the size of X3D-S"),
        "pixel_mean": (network["pixel_mean"][:1] * channels, how),
        "pixel_std": (network["pixel_std"][:1] * channels, how),
        "dataset": (stated.get("dataset"), "the file's name"),
    }
    for field in ("num_segments", "image_size", "frame_interval"):
        if field in stated:
            beside[field] = (stated[field], "the file's name")
    if found["num_classes"][0] == 400:
        beside["dataset"] = ("kinetics400", f"400 classes in {naming.name}")
    return beside


def _count_blocks(naming, tensors, stage):
    module = naming.module_name(
        f"stage_{stage:02d}_block_00_project", backbone="x3d"
    )
    pattern = re.escape(module).replace("res0", r"res\d+")
    pattern = pattern.replace(r"res_blocks\.0", r"res_blocks\.\d+")
    return sum(
        bool(re.fullmatch(rf"{pattern}\.weight", key)) for key in tensors
    )


def _factor(field, numbers, found):
    """Returns the factor whose numbers are those that were found."""
    named = [network[field] for network in X3D_NETWORKS.values()]
    for factor in (*named, *_STEPS):
        if numbers(factor) == found:
            return factor
    raise CheckpointError(
        f"No {field} gives the numbers of this X3D. Received: {found}"
    )
