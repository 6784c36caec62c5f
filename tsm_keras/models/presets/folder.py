"""Presets: a model as a folder of plain data, `save_preset`, `load_preset`.

A preset folder holds `config.json` (the network's config, the shapes of its
weights, hashes, where it came from), `model.weights.h5` and `labels.txt`. No
code is ever loaded from it, and it loads in Keras 3 and tf_keras alike.
"""

import hashlib
import json
import math
import os
import pathlib
import shutil
import tempfile
from typing import Any

from tensorflow import keras

from tsm_keras.file_hash import file_sha256
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.backbones.former_names import current_layer_name
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.weights import rebuild
from tsm_keras.version import __version__

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
LABELS_FILE = "labels.txt"
_FORMAT = 1


class PresetError(ValueError):
    """A preset folder that is incomplete, damaged or not a preset."""


def save_preset(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    provenance: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a clip model as a preset folder, all of it or nothing.

    Args:
        model: From `build_clip_model`.
        path: The folder to write.
        provenance: What is worth knowing about the training, as JSON values
            (data set, recipe, seed).
        overwrite: Replace a preset that stands there.

    Returns:
        The folder.

    Raises:
        ValueError: If `model` was not built by `build_clip_model`.
        FileExistsError: If `path` exists and is no preset to overwrite.
    """
    config = getattr(model, "video_config", None)
    if config is None:
        raise ValueError(
            "`model` must come from build_clip_model or load_preset, which "
            f"give it a `video_config`. Received: {model!r}"
        )
    path = pathlib.Path(path)
    _check_free(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(
        tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    )
    try:
        # From a copy that was never compiled: Keras 3 would write the state of
        # the optimizer along, twice the size of the weights.
        plain = rebuild(model, config, build_clip_model)
        plain.save_weights(temporary / WEIGHTS_FILE)
        (temporary / LABELS_FILE).write_text(_labels_text(config), "utf-8")
        description = {
            "format": _FORMAT,
            "config": json.loads(config.to_json()),
            "config_sha256": _config_hash(json.loads(config.to_json())),
            "weights": weight_shapes(model),
            "sha256": {
                name: file_sha256(temporary / name)
                for name in (WEIGHTS_FILE, LABELS_FILE)
            },
            "versions": {
                "tsm_keras": __version__,
                "keras": KERAS_VERSION,
            },
            "provenance": provenance or {},
        }
        if ranges := getattr(model, "activation_ranges", None):
            description["activation_ranges"] = ranges
        text = json.dumps(description, indent=2)
        (temporary / CONFIG_FILE).write_text(text, "utf-8")
        temporary.chmod(0o755)  # mkdtemp makes it private.
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def load_preset(path: str | os.PathLike) -> keras.Model:
    """Rebuilds the clip model that `save_preset` wrote.

    Args:
        path: A preset folder.

    Returns:
        The model of `build_clip_model`, with its `video_config`. One that was
        trained quantization-aware is a float network too; its
        `activation_ranges` are not empty.

    Raises:
        PresetError: If the folder is no preset, a file is missing or damaged,
            or the weights do not fit the config; the message says which.
    """
    path = pathlib.Path(path)
    description = read_description(path)
    for name, expected in description["sha256"].items():
        if file_sha256(path / name) != expected:
            raise PresetError(
                f"{path / name} is damaged or was changed since the preset was "
                "written: its hash differs from the one in config.json. Copy "
                "the preset again or train anew."
            )
    model = build_clip_model(description["config"])
    shapes = weight_shapes(model)
    if shapes != description["weights"]:
        differ = [
            name
            for name in sorted({*shapes, *description["weights"]})
            if shapes.get(name) != description["weights"].get(name)
        ]
        raise PresetError(
            f"The weights of {path} do not fit the network that its config "
            f"describes. Received: {len(differ)} layers that differ, "
            f"{differ[:5]}"
        )
    model.load_weights(path / WEIGHTS_FILE)
    model.activation_ranges = description.get("activation_ranges", {})
    return model


def read_description(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a preset's `config.json`, without loading its weights.

    Returns:
        The fields of the file, `config` as a `VideoClassifierConfig`.

    Raises:
        PresetError: If the folder is no preset or a file is missing.
    """
    path = pathlib.Path(path)
    for name in (CONFIG_FILE, WEIGHTS_FILE, LABELS_FILE):
        if not (path / name).is_file():
            raise PresetError(
                f"{path} is not a complete preset folder: {name} is missing. "
                "A preset is written by `tsm train` or save_preset."
            )
    try:
        description = json.loads((path / CONFIG_FILE).read_text("utf-8"))
        if description["format"] != _FORMAT:
            raise ValueError(f"format {description['format']!r} is unknown")
        for field in ("weights", "sha256"):
            if not isinstance(description[field], dict):
                raise ValueError(f"`{field}` must be an object")
        if set(description["sha256"]) != {WEIGHTS_FILE, LABELS_FILE}:
            raise ValueError("`sha256` must name the weights and the labels")
        for low, high in description.get("activation_ranges", {}).values():
            if not -math.inf < low <= 0 < high < math.inf:
                raise ValueError("`activation_ranges` must hold zero")
        values = description["config"]
        description["config"] = VideoClassifierConfig.from_dict(values)
        if description["config_sha256"] != _config_hash(values):
            raise ValueError("its `config` was changed since it was written")
        for field in ("weights", "activation_ranges"):
            description[field] = {
                current_layer_name(name, description["config"].backbone): value
                for name, value in description.get(field, {}).items()
            }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PresetError(
            f"{path / CONFIG_FILE} cannot be read: {error}"
        ) from error
    return description


def preset_hash(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a preset's weights, which names the model."""
    return read_description(path)["sha256"][WEIGHTS_FILE]


def weight_shapes(model: keras.Model) -> dict[str, list[list[int]]]:
    """Returns the shapes of each layer's weights, by layer name."""
    return {
        layer.name: [list(weight.shape) for weight in layer.weights]
        for layer in model.layers
        if layer.weights
    }


def _put_in_place(temporary, path):
    if not path.exists():
        temporary.rename(path)
        return
    # A folder cannot be replaced in one step: the old one steps aside, and
    # back if its successor cannot take its place.
    old = temporary.with_name(f"{temporary.name}.old")
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old)


def _check_free(path, overwrite):
    if not path.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"{path} exists: choose another folder, or allow overwriting it."
        )
    if not _is_preset(path):
        raise FileExistsError(
            f"{path} exists and is no preset, so it is not overwritten: choose "
            "another folder."
        )


def _is_preset(path):
    """Tells a preset, even a damaged one, from another tool's folder."""
    try:
        description = json.loads((path / CONFIG_FILE).read_text("utf-8"))
        return {"format", "config", "weights", "sha256"} <= set(description)
    except (OSError, ValueError, TypeError):
        return False


def _labels_text(config):
    return "".join(f"{label}\n" for label in config.labels)


def _config_hash(config):
    canonical = json.dumps(config, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
