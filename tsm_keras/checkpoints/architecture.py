"""find_architecture: infers a network from the names and shapes of tensors."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.mixtconv import MIXTCONV
from tsm_keras.checkpoints.x3d_architecture import find_x3d
from tsm_keras.models.backbones.record import Backbone
from tsm_keras.models.backbones.resnet import DEPTHS
from tsm_keras.models.backbones.table import BACKBONES

# A value, or None if it is unknown, and a text on how it was found.
Found = tuple[Any, str]

# The kernel of a convolution in time of MixTConv.
_KERNEL = re.compile(r"\.conv1\.(conv1\d*d)\.weight$")
# Widths to try: the usual one, then all multiples of 0.05 up to 3.
_WIDTHS = (1.0, *(step / 20 for step in range(1, 61)))


def find_architecture(
    naming: Naming, tensors: Mapping[str, np.ndarray]
) -> dict[str, Found]:
    """Infers the properties of a network that its tensors show.

    Args:
        naming: A naming for which `fits` is true.
        tensors: The state dict.

    Returns:
        `backbone`, `width`, `num_classes`, `input_channels`, and other fields
        of the config that the family has.

    Raises:
        CheckpointError: If this package does not have such a network.
    """
    if "x3d" in naming.rows:
        return find_x3d(naming, tensors)
    mobile = _mobile_backbones(naming, tensors)
    if mobile:
        record, factor = _fitting(mobile, tensors)
        backbone: Found = (record.name, "the tensors' names and shapes")
        width: Found = (
            factor,
            "the tensors' shapes" if record.any_width else "its only width",
        )
    else:
        backbone = _depth(tensors)
        width = (1.0, "the only width of ResNets")

    def weight(layer):
        module = naming.module_name(layer, backbone=backbone[0])
        return _kernel(tensors, f"{module}.weight")

    classifier = weight("classifier")
    return {
        "backbone": backbone,
        "width": width,
        "num_classes": (
            None if classifier is None else classifier.shape[0],
            "the classifier's shape",
        ),
        "input_channels": (
            weight("stem_conv").shape[1],
            "the first convolution's shape",
        ),
        "placement": _placement(tensors),
        "non_local": _non_local(tensors),
        **(_mixtconv(tensors) if naming is MIXTCONV else {}),
    }


def fits(naming: Naming, tensors: Mapping[str, np.ndarray]) -> bool:
    """Returns whether the names of the tensors follow a naming."""
    if "x3d" in naming.rows:
        stem = naming.module_name("stem_channelwise", backbone="x3d")
        return f"{stem}.weight" in tensors
    if naming is MIXTCONV and not any(map(_KERNEL.search, tensors)):
        return False
    if _mobile_backbones(naming, tensors):
        return True
    if "resnet" not in naming.rows:
        return False
    stem = naming.module_name("stem_conv", backbone="resnet50")
    prefix = stem.split("conv1")[0]
    return f"{stem}.weight" in tensors and any(
        key.startswith(f"{prefix}layer1.0.") for key in tensors
    )


def is_wrapped(tensors: Mapping[str, np.ndarray]) -> bool:
    """Returns whether the names of the tensors show temporal shifts."""
    return any(".net." in key for key in tensors)


def _mixtconv(tensors):
    """Returns the operator, its causality and the lengths of its kernels."""
    frames = {}
    for key, tensor in tensors.items():
        if match := _KERNEL.search(key):
            frames[match[1]] = int(tensor.shape[2])
    return {
        "operator": ("mixtconv", "the tensors' names"),
        "causal": (False, "all networks of mixtconv see whole clips"),
        "kernels": (tuple(sorted(frames.values())), "the tensors' shapes"),
    }


def _mobile_backbones(naming, tensors):
    """Returns the backbones that the tensors may be of, the deepest first.

    Each comes with the keys of the convolutions that end its parts. The tensors
    have at least the first two of these and the last.
    """
    found = []
    for record in BACKBONES.values():
        if record.ends and record.family in naming.rows:
            keys = [
                f"{naming.module_name(layer, backbone=record.name)}.weight"
                for layer in record.ends(1.0)
            ]
            if all(key in tensors for key in (*keys[:2], keys[-1])):
                found.append((record, keys))
    # A deeper network has all the keys of a shallower one.
    return sorted(found, key=lambda candidate: -len(candidate[1]))


def _fitting(
    candidates: list[tuple[Backbone, list[str]]], tensors: Mapping
) -> tuple[Backbone, float]:
    """Returns the backbone that has exactly these channels, and its width."""

    def absent(candidate):
        return [key for key in candidate[1] if key not in tensors]

    for record, keys in candidates:
        if absent((record, keys)):
            continue
        found = [_kernel(tensors, key).shape[0] for key in keys]
        for width in _WIDTHS if record.any_width else (1.0,):
            if record.ends and found == list(record.ends(width).values()):
                return record, width
    record, keys = nearest = min(candidates, key=lambda x: len(absent(x)))
    if absent(nearest):
        raise CheckpointError(
            f"A {record.name} must have all of its blocks. Received: a "
            f"checkpoint without {absent(nearest)}"
        )
    found = [_kernel(tensors, key).shape[0] for key in keys]
    raise CheckpointError(
        f"The channels of this {record.name} fit no width (the TSM authors' "
        "code rounds them in another way at widths other than 1). "
        f"Received: {found}"
    )


def _depth(tensors):
    blocks: list[set[int]] = [set() for _ in range(4)]
    bottleneck = False
    for key in tensors:
        match = re.search(r"\blayer([1-4])\.(\d+)\.", key)
        if match:
            blocks[int(match[1]) - 1].add(int(match[2]))
            bottleneck |= ".conv3." in key
    found = ("bottleneck" if bottleneck else "basic", tuple(map(len, blocks)))
    for depth, expected in DEPTHS.items():
        if found == expected:
            return f"resnet{depth}", f"{found[0]} blocks {found[1]}"
    raise CheckpointError(
        f"A ResNet must have a depth of {', '.join(map(str, DEPTHS))}. "
        f"Received: {found[0]} blocks {found[1]}"
    )


def _kernel(tensors, key):
    """Returns the weights of a convolution or classifier, None if missing."""
    kernel = tensors.get(key)
    if kernel is not None and kernel.ndim < 2:
        raise CheckpointError(
            f"{key} must have at least two axes. Received: shape {kernel.shape}"
        )
    return kernel


def _placement(tensors):
    if any(re.search(r"layer\d\.\d+\.(block\.)?net\.", key) for key in tensors):
        return "inplace", "shifts around whole blocks in the tensors' names"
    return "residual", "no shift around whole blocks in the tensors' names"


def _non_local(tensors):
    parts = {
        match[1]
        for key in tensors
        if (match := re.search(r"\.(?:nl|non_local_block)\.(\w+)\.", key))
    }
    if parts and "theta" not in parts:
        raise CheckpointError(
            "Non-local blocks must be of mode embedded_gaussian. Received: "
            "blocks without `theta`, which are of mode gaussian"
        )
    return bool(parts), "the tensors' names"
