"""Presets: folders of plain data that hold a trained model."""

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
