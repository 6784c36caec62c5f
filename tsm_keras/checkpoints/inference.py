"""infer_network: which network a checkpoint belongs to, and how we know."""

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
from tsm_keras.checkpoints.naming.mmaction2 import MMACTION2
from tsm_keras.checkpoints.naming.timm import TIMM
from tsm_keras.checkpoints.naming.torchvision import TORCHVISION
from tsm_keras.checkpoints.naming.tsm import TSM, TSM_ONLINE
from tsm_keras.models.config import VideoClassifierConfig

NAMINGS = {
    naming.name: naming
    for naming in (TSM, TSM_ONLINE, MMACTION2, TORCHVISION, TIMM)
}
SOURCES = ("auto", *NAMINGS)

# Under which our own exports carry what PyTorch's names leave out.
METADATA_KEY = "tsm_keras"

# What is asked for where nothing tells it: how to answer, and why it is asked.
_QUESTIONS = {
    "num_classes": (
        "num_classes=N (--classes)",
        "there is no classifier to count them",
    ),
    "shift": (
        "shift='bidirectional', 'causal' or 'none' (--shift)",
        "its direction leaves no trace in names and weights",
    ),
    "shift_div": (
        "shift_div=N (--shift_div)",
        "it leaves no trace; all published models have 8",
    ),
    "num_segments": (
        "num_segments=T (--segments)",
        "the frames of a clip leave no trace",
    ),
    "non_local": (
        "non_local=True (--non_local)",
        "to say that its blocks are of mode embedded_gaussian and not "
        "dot_product, which has the same tensors",
    ),
    "dataset": (
        "dataset='NAME' (--dataset)",
        "what the classes are is not in the weights",
    ),
}

_DEFAULT = VideoClassifierConfig(num_classes=2)

# Mean and deviation of flow, in units of 0..255: the TSM authors' ops/models.py
# (0.5 and the average of RGB's deviations), and mmaction2's TSN flow config.
_FLOW = {
    "tsm": (0.5 * 255, (0.229 + 0.224 + 0.225) / 3 * 255),
    "mmaction2": (128.0, 128.0),
}


@dataclasses.dataclass(frozen=True)
class Fact:
    """One thing about a network, and how it was found out."""

    field: str
    value: Any
    how: str


@dataclasses.dataclass(frozen=True)
class Network:
    """The network that a checkpoint belongs to.

    Attributes:
        naming: Of its tensors.
        config: To build it.
        wrapped: Whether shifts show in the tensors' names.
        dataset: What it was trained on.
        trained_shift: The shift it was trained with, None if nothing tells.
        facts: How all this was found out.
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
) -> Network:
    """Finds out which network a state dict belongs to.

    Args:
        tensors: The state dict, without the prefix `module.`.
        asked: What the caller knows or wants: fields of
            `VideoClassifierConfig`, and `dataset`. It goes before what is
            found.
        source: One of `SOURCES`.
        name: The file's name, which may follow a published convention.
        metadata: The file's own text fields.

    Raises:
        CheckpointError: If no naming fits, the network is not one of ours, or
            something must be asked for; the message says how to answer.
        ValueError: If what was asked is no valid config.
    """
    naming, how = _find_naming(source, tensors)
    stated = read_file_name(name)
    if stated.get("unsupported"):
        raise CheckpointError(
            f"This network has {' and '.join(stated['unsupported'])}: that is "
            f"not supported. Received: {name}"
        )
    found = find_architecture(naming, tensors)
    found |= _found_beside(naming, tensors, stated, found)
    if naming is TSM_ONLINE and source == naming.name:
        found["shift"] = ("causal", "the online demo's network")
    found |= _found_in_metadata(metadata or {}, asked)
    known = found | {
        field: (value, "as asked") for field, value in asked.items()
    }
    ask_for([field for field, (value, _) in known.items() if value is None])
    values = {field: value for field, (value, _) in known.items()}
    dataset = values.pop("dataset")
    return Network(
        naming=naming,
        config=VideoClassifierConfig(**values),
        wrapped=is_wrapped(tensors),
        dataset=dataset,
        trained_shift=found["shift"][0],
        facts=(
            Fact("source", naming.name, how),
            *(Fact(field, *known[field]) for field in known),
        ),
    )


def ask_for(fields: Sequence[str]) -> None:
    """Asks for what nothing tells.

    Args:
        fields: Of `VideoClassifierConfig`, or `dataset`.

    Raises:
        CheckpointError: If there are any; the message says how to answer.
    """
    if fields:
        raise CheckpointError(
            "The checkpoint does not tell all that must be known. Please add "
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
        f"The tensors' names are not those of a MobileNetV2 or ResNet of "
        f"{families}. Received: {len(tensors)} tensors, {sorted(tensors)[:4]}"
    )


def _found_beside(naming, tensors, stated, found):
    """Returns what the file's name and the family's habits tell."""
    from_name = "the file's name"
    shift = _shift(naming, tensors, stated)
    shift_div = (stated.get("shift_div"), from_name)
    if shift_div[0] is None and (naming is not TSM or shift[0] == "none"):
        shift_div = (_DEFAULT.shift_div, f"the default of {naming.name}")
    beside = {
        "shift": shift,
        "shift_div": shift_div,
        "num_segments": (stated.get("num_segments"), from_name),
        "image_size": (_DEFAULT.image_size, "the size of published networks"),
        "dataset": (stated.get("dataset"), from_name),
        **_normalization(naming, found["input_channels"][0]),
    }
    is_ambiguous = naming is MMACTION2 and "non_local_mode" not in stated
    if found["non_local"][0] and is_ambiguous:
        beside["non_local"] = (None, "")
    if naming in (TORCHVISION, TIMM) and found["num_classes"][0] == 1000:
        beside["dataset"] = ("imagenet", f"1000 classes in {naming.name}")
    return beside


def _shift(naming, tensors, stated):
    named = (stated.get("shift"), "the file's name")
    if not naming.marks_in_keys:
        return named if naming is TSM_ONLINE else (None, "")
    seen = is_wrapped(tensors)
    if named[0] is not None and seen != (named[0] != "none"):
        raise CheckpointError(
            "The file's name and the tensors' names contradict each other: "
            f"the former says shift={named[0]!r}, the latter have "
            f"{'a' if seen else 'no'} shift (`.net`). Rename the file, or find "
            "the right one."
        )
    return named if seen else ("none", "no shift in the tensors' names")


def _normalization(naming, input_channels):
    if input_channels == _DEFAULT.input_channels:
        how = "RGB of ImageNet, as in all PyTorch families"
        return {
            "pixel_mean": (_DEFAULT.pixel_mean, how),
            "pixel_std": (_DEFAULT.pixel_std, how),
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
        stored = {
            **{
                field.name: getattr(config, field.name)
                for field in dataclasses.fields(config)
            },
            "dataset": str(stored["dataset"]),
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The file's metadata cannot be read: {error}"
        ) from error
    # What follows from another field is not kept where that is asked for.
    if "image_size" in asked:
        del stored["resize_size"]
    if "num_classes" in asked:
        del stored["labels"]
    return {
        field: (value, "the file's metadata") for field, value in stored.items()
    }
