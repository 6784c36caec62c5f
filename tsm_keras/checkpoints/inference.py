"""infer_network: infers the network of a checkpoint and explains each value."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsm_keras.checkpoints.architecture import (
    find_architecture,
    fits,
    is_wrapped,
)
from tsm_keras.checkpoints.conventions import read_file_name
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.efficientnet_lite_pytorch import (
    EFFICIENTNET_LITE_PYTORCH,
)
from tsm_keras.checkpoints.naming.mixtconv import MIXTCONV
from tsm_keras.checkpoints.naming.mmaction2 import MMACTION2
from tsm_keras.checkpoints.naming.table import NAMINGS, SOURCES
from tsm_keras.checkpoints.naming.timm import TIMM
from tsm_keras.checkpoints.naming.torchvision import TORCHVISION
from tsm_keras.checkpoints.naming.tsm import TSM, TSM_ONLINE
from tsm_keras.checkpoints.x3d_architecture import found_beside_x3d
from tsm_keras.models.config import (
    InputConfig,
    TemporalConfig,
    VideoClassifierConfig,
)

# Networks of these families with 1000 classes are those of ImageNet.
_OF_IMAGES = (TORCHVISION, TIMM, EFFICIENTNET_LITE_PYTORCH)

# Fields whose values a file's name may state.
_CONVENTIONS = (
    "stride_padding",
    "batch_norm_epsilon",
    "pixel_mean",
    "pixel_std",
)

# `tsm export-weights` stores the config under this key of the metadata.
METADATA_KEY = "tsm_keras"

# For each value that may be unknown: how the user gives it, and why it is
# unknown.
_QUESTIONS = {
    "num_classes": (
        "num_classes=N (--classes)",
        "there is no classifier to count them",
    ),
    "shift": (
        "shift='bidirectional', 'causal' or 'none' (--shift)",
        "names and weights do not show its direction",
    ),
    "shift_div": (
        "shift_div=N (--shift_div)",
        "names and weights do not show it; all published models have 8",
    ),
    "num_segments": (
        "num_segments=T (--segments)",
        "names and weights do not show the number of frames per clip",
    ),
    "non_local": (
        "non_local=True (--non_local)",
        "to confirm that its blocks are of mode embedded_gaussian, and not "
        "dot_product, which has the same tensors",
    ),
    "dataset": (
        "dataset='NAME' (--dataset)",
        "the weights do not say what their classes are",
    ),
}

# Mean and standard deviation of optical flow in 0..255, from the TSM authors'
# ops/models.py (0.5 and the mean deviation of RGB) and from mmaction2's TSN
# config for flow.
_FLOW = {
    "tsm": (0.5 * 255, (0.229 + 0.224 + 0.225) / 3 * 255),
    "mmaction2": (128.0, 128.0),
}


@dataclasses.dataclass(frozen=True)
class Fact:
    """One property of a network, and how its value was found."""

    field: str
    value: Any
    how: str


@dataclasses.dataclass(frozen=True)
class InferredNetwork:
    """The network that a checkpoint belongs to.

    Attributes:
        naming: The naming of its tensors.
        config: The config of the network.
        wrapped: Whether the names of the tensors show the shifts.
        dataset: The name of the data set that it was trained on.
        trained_shift: The shift that it was trained with; None if unknown.
        facts: The properties of the network, and how each was found.
    """

    naming: Naming
    config: VideoClassifierConfig
    wrapped: bool
    dataset: str
    trained_shift: str | None
    facts: tuple[Fact, ...]


def infer_network(
    tensors: Mapping[str, np.ndarray],
    *,
    asked: Mapping[str, Any],
    source: str = "auto",
    name: str = "",
    metadata: Mapping[str, str] | None = None,
    assumed: Mapping[str, Any] | None = None,
) -> InferredNetwork:
    """Infers the network of a state dict.

    Args:
        tensors: The state dict, without the prefix `module.`.
        asked: Fields of `VideoClassifierConfig`, and `dataset`, that replace
            inferred values.
        source: One of `SOURCES`.
        name: The name of the file, which may follow a published convention.
        metadata: The text fields of the file.
        assumed: Values of fields that nothing else tells.

    Raises:
        CheckpointError: If no naming fits, if this package does not have such
            a network, or if a value is unknown. The message then says how to
            give it.
        ValueError: If the given fields are not a valid config.
    """
    naming, how = _find_naming(source, tensors)
    stated = read_file_name(name)
    if stated.get("unsupported"):
        raise CheckpointError(
            f"This network has {' and '.join(stated['unsupported'])}, which "
            f"is not supported. Received: {name}"
        )
    found = find_architecture(naming, tensors)
    found |= _found_beside(naming, tensors, stated, found)
    if naming is TSM_ONLINE and source == naming.name:
        found["shift"] = ("causal", "the online demo's network")
    found |= _found_in_metadata(metadata or {}, asked)
    known = found | {
        field: (value, "as asked") for field, value in asked.items()
    }
    known |= {
        field: (value, "assumed")
        for field, value in (assumed or {}).items()
        if known.get(field, (None, ""))[0] is None
    }
    ask_for([field for field, (value, _) in known.items() if value is None])
    values = {field: value for field, (value, _) in known.items()}
    dataset = values.pop("dataset")
    return InferredNetwork(
        naming=naming,
        config=VideoClassifierConfig(**values),
        wrapped=is_wrapped(tensors),
        dataset=dataset,
        trained_shift=_trained_shift(found),
        facts=(
            Fact("source", naming.name, how),
            *(Fact(field, *known[field]) for field in known),
        ),
    )


def ask_for(fields: Sequence[str]) -> None:
    """Raises an error that asks for unknown values.

    Args:
        fields: The names of the unknown values: fields of
            `VideoClassifierConfig`, or `dataset`.

    Raises:
        CheckpointError: If `fields` is not empty. The message says how to give
            each value.
    """
    if fields:
        raise CheckpointError(
            "The checkpoint does not tell everything needed. Please add "
            + "; ".join(": ".join(_QUESTIONS[field]) for field in fields)
        )


def _find_naming(source, tensors):
    if source not in SOURCES:
        raise CheckpointError(
            f"`source` must be one of {SOURCES}. Received: source={source!r}"
        )
    candidates = NAMINGS.values() if source == "auto" else [NAMINGS[source]]
    for naming in candidates:
        if fits(naming, tensors):
            how = "the tensors' names" if source == "auto" else "as asked"
            return naming, how
    families = ", ".join(naming.name for naming in candidates)
    raise CheckpointError(
        f"The names of the tensors are not those of a network of {families}. "
        f"Received: {len(tensors)} tensors, {sorted(tensors)[:4]}"
    )


def _trained_shift(found):
    """Returns which way frames exchanged features in the training."""
    if "shift" in found:
        return found["shift"][0]
    return "causal" if found["causal"][0] else "bidirectional"


def _found_beside(naming, tensors, stated, found):
    """Returns the facts from the file's name and the family's conventions."""
    from_name = "the file's name"
    if naming.is_3d:
        return found_beside_x3d(naming, stated, found)
    shift = _shift(naming, tensors, stated)
    shift_div = (stated.get("shift_div"), from_name)
    if shift_div[0] is None and (naming is not TSM or shift[0] == "none"):
        shift_div = (
            TemporalConfig().shift_div,
            f"the default of {naming.name}",
        )
    beside = {
        "shift": shift,
        "shift_div": shift_div,
        "num_segments": (stated.get("num_segments"), from_name),
        "image_size": (
            InputConfig().image_size,
            "the size of published networks",
        ),
        "dataset": (stated.get("dataset"), from_name),
        **_normalization(naming, found["input_channels"][0]),
        **{
            field: (value, f"the networks of {naming.name}")
            for field, value in naming.conventions.items()
        },
        **{
            field: (stated[field], from_name)
            for field in _CONVENTIONS
            if field in stated
        },
    }
    is_ambiguous = naming is MMACTION2 and "non_local_mode" not in stated
    if found["non_local"][0] and is_ambiguous:
        beside["non_local"] = (None, "")
    if naming in _OF_IMAGES and found["num_classes"][0] == 1000:
        beside["dataset"] = ("imagenet", f"1000 classes in {naming.name}")
    if naming is MIXTCONV:
        del beside["shift"]
    return beside


def _shift(naming, tensors, stated):
    named = (stated.get("shift"), "the file's name")
    if not naming.marks_in_keys:
        return named if naming is TSM_ONLINE else (None, "")
    seen = is_wrapped(tensors)
    if named[0] is not None and seen != (named[0] != "none"):
        raise CheckpointError(
            "The name of the file and the names of the tensors contradict each "
            f"other: the file says shift={named[0]!r}, the tensors have "
            f"{'a' if seen else 'no'} shift (`.net`). Rename the file, or find "
            "the right one."
        )
    return named if seen else ("none", "no shift in the tensors' names")


def _normalization(naming, input_channels):
    rgb = InputConfig()
    if input_channels == rgb.channels:
        how = "RGB of ImageNet, as in all PyTorch families"
        return {
            "pixel_mean": (rgb.pixel_mean, how),
            "pixel_std": (rgb.pixel_std, how),
        }
    if naming.name not in _FLOW:
        raise CheckpointError(
            f"Networks of {naming.name} must take RGB. Received: "
            f"{input_channels} input channels"
        )
    how = f"{naming.name}'s flow networks"
    mean, std = _FLOW[naming.name]
    return {
        "pixel_mean": ((mean,) * input_channels, how),
        "pixel_std": ((std,) * input_channels, how),
    }


def _found_in_metadata(metadata, asked):
    if METADATA_KEY not in metadata:
        return {}
    try:
        stored = json.loads(metadata[METADATA_KEY])
        config = VideoClassifierConfig.from_dict(stored["config"])
        stored = config.flat() | {"dataset": str(stored["dataset"])}
        if config.temporal.operator in ("none", "shift"):
            # The short form says both, and may be asked to be another.
            stored["shift"] = config.temporal.shift
            del stored["operator"], stored["causal"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The file's metadata cannot be read: {error}"
        ) from error
    # Stored values that depend on a field are dropped if the field is given.
    if "image_size" in asked:
        del stored["resize_size"]
    if "num_classes" in asked:
        del stored["labels"]
    return {
        field: (value, "the file's metadata") for field, value in stored.items()
    }
