"""save_preset, load_preset: store a model as a folder of plain data.

A preset folder holds `config.json` (the config of the network, hashes, and the
origin of the model), `model.safetensors` (each weight under the name of its
layer) and `labels.txt` (for several heads `labels_verb.txt` and so on).
Loading it runs no code from the folder, and works in both Keras 3 and tf_keras.
"""

import hashlib
import json
import math
import os
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors.numpy
import tensorflow as tf
from tensorflow import keras

from tsm_keras.atomic_file import atomic_folder
from tsm_keras.file_hash import file_sha256
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import config_from_dict
from tsm_keras.models.config.backbone import reset_unused
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.presets import format_1
from tsm_keras.models.weights import named_weights
from tsm_keras.version import __version__

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
LABELS_FILE = "labels.txt"
_FORMAT = 3
_LONGEST = 500  # Characters of an error message.


class PresetError(ValueError):
    """A folder is not a preset, or the preset is incomplete or damaged."""


def save_preset(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    provenance: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a clip model as a preset folder, which appears when complete.

    Args:
        model: From `build_clip_model`.
        path: The folder to write. If it is a symbolic link to a preset, the
            folder that it points to is written, and the link stays.
        provenance: Facts about the training to keep with the model, as JSON
            values (data set, recipe, seed).
        overwrite: Whether to replace a preset that exists at `path`.

    Returns:
        The path of the folder.

    Raises:
        ValueError: If `model` was not built by `build_clip_model`.
        FileExistsError: If `path` exists, and `overwrite` is not set or `path`
            is not a preset.
    """
    config = getattr(model, "video_config", None)
    if config is None:
        raise ValueError(
            "`model` must come from build_clip_model or load_preset, which "
            f"give it a `video_config`. Received: {model!r}"
        )
    path = pathlib.Path(path)
    _check_free(path, overwrite)
    with atomic_folder(path, replace=overwrite) as folder:
        weights = _weights_file(model)
        (folder / WEIGHTS_FILE).write_bytes(weights)
        labels = _label_files(config)
        for name, text in labels.items():
            (folder / name).write_text(text, "utf-8")
        description = {
            "format": _FORMAT,
            "config": config.to_dict(),
            "sha256": {
                name: file_sha256(folder / name)
                for name in (WEIGHTS_FILE, *labels)
            },
            "versions": {"tsm_keras": __version__, "keras": KERAS_VERSION},
            "provenance": provenance or {},
        }
        if ranges := _ranges_that_hold(model, weights):
            description["activation_ranges"] = {
                name: [float(low), float(high)]
                for name, (low, high) in ranges.items()
            }
        description["hash"] = _model_hash(description)
        text = json.dumps(description, indent=2)
        (folder / CONFIG_FILE).write_text(text, "utf-8")
    return path


def load_preset(path: str | os.PathLike) -> keras.Model:
    """Rebuilds the clip model that `save_preset` wrote.

    Args:
        path: A preset folder. Older versions may have written it.

    Returns:
        The model of `build_clip_model` with its `video_config`, in float32 even
        if Keras is set to mixed precision. After quantization-aware training
        the model is a float network as well, and its attribute
        `activation_ranges` holds the learned ranges; otherwise it is empty.

    Raises:
        PresetError: If the folder is not a preset, a file is missing or
            damaged, or the weights do not fit the config. The message says
            which of these it is.
    """
    path = pathlib.Path(path)
    description, parse = _read(path)
    contents = {
        name: (path / name).read_bytes() for name in description["sha256"]
    }
    for name, expected in description["sha256"].items():
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise PresetError(
                f"{path / name} is damaged or was changed since the preset was "
                "written: its hash differs from the one in config.json. Copy "
                "the preset again, or train again."
            )
    (weights_file,) = {WEIGHTS_FILE, format_1.WEIGHTS_FILE} & {*contents}
    try:
        values = parse(contents[weights_file])
    except (
        safetensors.SafetensorError,
        *(OSError, ValueError, KeyError, TypeError, IndexError, AttributeError),
    ) as error:
        raise PresetError(
            f"{path / weights_file} cannot be read: {_shortened(error)}"
        ) from error
    try:
        with without_mixed_precision():
            model = build_clip_model(description["config"])
    except (ValueError, OverflowError, MemoryError, tf.errors.OpError) as error:
        raise PresetError(
            f"The network that {path / CONFIG_FILE} describes cannot be built: "
            f"{_shortened(error)}"
        ) from error
    weights = named_weights(model)
    differ = [
        name
        for name in dict.fromkeys([*weights, *values])
        if name not in weights
        or name not in values
        or tuple(weights[name].shape) != values[name].shape
        or values[name].dtype != np.float32
    ]
    if differ:
        raise PresetError(
            f"The weights of {path} do not fit the network that its config "
            f"describes. Received: {len(differ)} weights that differ, "
            f"{differ[:5]}"
        )
    for name, weight in weights.items():
        weight.assign(values[name])
    model.activation_ranges = description.get("activation_ranges", {})
    if model.activation_ranges:
        model.ranges_hold_for = _sha256(_weights_file(model))
    return model


def read_description(path: str | os.PathLike) -> dict[str, Any]:
    """Reads the `config.json` of a preset, without loading its weights.

    Returns:
        The fields of the file; `config` is the config of the network.

    Raises:
        PresetError: If the folder is not a preset or a file is missing.
    """
    return _read(pathlib.Path(path))[0]


def preset_hash(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a preset's config and weights, its identity."""
    return read_description(path)["hash"]


def _read(
    path: pathlib.Path,
) -> tuple[dict[str, Any], Callable[[bytes], format_1.Weights]]:
    """Returns the description, and a function that reads the weights."""
    old_weights = (path / format_1.WEIGHTS_FILE).is_file()
    is_old = old_weights and not (path / WEIGHTS_FILE).is_file()
    weights_file = format_1.WEIGHTS_FILE if is_old else WEIGHTS_FILE
    _expect_files(path, CONFIG_FILE, weights_file)
    parse: Callable[[bytes], format_1.Weights] = safetensors.numpy.load
    try:
        description = json.loads((path / CONFIG_FILE).read_text("utf-8"))
        if description["format"] not in (1, 2, _FORMAT):
            raise ValueError(f"format {description['format']!r} is unknown")
        if not isinstance(description["sha256"], dict):
            raise ValueError("`sha256` must be an object")
        for low, high in description.get("activation_ranges", {}).values():
            if not -math.inf < float(low) <= 0 < float(high) < math.inf:
                raise ValueError("`activation_ranges` must hold zero")
        config = config_from_dict(reset_unused(description["config"]))
        labels = _label_files(config)
        if set(description["sha256"]) != {weights_file, *labels}:
            raise ValueError("`sha256` must name the weights and the labels")
        if is_old:
            description, parse = format_1.migrate(description)
        elif description["hash"] != _model_hash(description):
            raise ValueError("it was changed since it was written")
        description["config"] = config
    except (
        *(ValueError, KeyError, TypeError, AttributeError),
        *(OverflowError, RecursionError),
    ) as error:
        raise PresetError(
            f"{path / CONFIG_FILE} cannot be read: {_shortened(error)}"
        ) from error
    _expect_files(path, *labels)
    return description, parse


def _expect_files(path, *names):
    for name in names:
        if not (path / name).is_file():
            raise PresetError(
                f"{path} is not a complete preset folder: {name} is missing. "
                "A preset is written by `tsm train` or save_preset."
            )


def _label_files(config):
    """Returns the contents of the files with the labels of each head."""
    stem, ending = LABELS_FILE.split(".")
    return {
        f"{stem}_{name}.{ending}" if name else LABELS_FILE: "".join(
            f"{label}\n" for label in labels
        )
        for name, labels in config.label_lists.items()
    }


def _weights_file(model):
    """Returns the bytes of the weights' file."""
    return safetensors.numpy.save(
        {
            name: np.ascontiguousarray(weight.numpy(), np.float32)
            for name, weight in named_weights(model).items()
        }
    )


def _ranges_that_hold(model, weights):
    """Returns the ranges of a model, unless its weights have changed since."""
    ranges = getattr(model, "activation_ranges", None)
    trained = getattr(model, "ranges_hold_for", None)
    if ranges and trained not in (None, _sha256(weights)):
        warnings.warn(
            "The weights were trained since the activation ranges were "
            "learned, so the ranges are left out of the preset: train "
            "quantization-aware to learn new ones.",
            stacklevel=3,
        )
        return {}
    return ranges


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


def _model_hash(description):
    """Returns the hash of everything that the model's outputs depend on."""
    parts = [
        description["config"],
        description.get("activation_ranges"),
        description["sha256"][WEIGHTS_FILE],
    ]
    canonical = json.dumps(parts, sort_keys=True)
    return _sha256(canonical.encode())


def _shortened(error):
    """Returns the message of an error, cut off if it is very long."""
    text = str(error)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _check_free(path, overwrite):
    if not path.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"{path} exists: choose another folder, or allow overwriting it."
        )
    if not _is_preset(path):
        raise FileExistsError(
            f"{path} exists and is not a preset, so it is not overwritten: "
            "choose another folder."
        )


def _is_preset(path):
    """Returns whether a folder is a preset, which may be damaged."""
    try:
        description = json.loads((path / CONFIG_FILE).read_text("utf-8"))
        return {"format", "config", "sha256"} <= set(description)
    except (OSError, ValueError, TypeError):
        return False
