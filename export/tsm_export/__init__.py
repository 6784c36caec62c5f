"""Converts Keras models to artifacts that run on devices."""

import importlib

# The module of each public name. A module is imported when its name is first
# used, because TensorFlow takes seconds to import.
_HOMES = {
    "Check": "tsm_export.verify.checks",
    "ExportError": "tsm_export.description",
    "export_onnx": "tsm_export.onnx.export",
    "export_tflite": "tsm_export.tflite.export",
    "verify_artifact": "tsm_export.verify.checks",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tsm_export' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted(__all__)
