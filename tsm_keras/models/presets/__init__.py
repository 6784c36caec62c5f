"""Presets: a trained model as a folder of plain data."""

from tsm_keras.models.presets.folder import (
    CONFIG_FILE,
    LABELS_FILE,
    WEIGHTS_FILE,
    PresetError,
    load_preset,
    preset_hash,
    read_description,
    save_preset,
)

__all__ = [
    "CONFIG_FILE",
    "LABELS_FILE",
    "WEIGHTS_FILE",
    "PresetError",
    "load_preset",
    "preset_hash",
    "read_description",
    "save_preset",
]
