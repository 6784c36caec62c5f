"""Keras models to artifacts that a device runs."""

from tsm_export.tflite import ExportError, export_tflite

__all__ = ["ExportError", "export_tflite"]
