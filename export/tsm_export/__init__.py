"""Keras models to artifacts that a device runs."""

from tsm_export.description import ExportError
from tsm_export.tflite import export_tflite

__all__ = ["ExportError", "export_tflite"]
