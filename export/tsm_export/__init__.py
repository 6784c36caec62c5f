"""Converts Keras models to artifacts that run on devices."""

from tsm_export.description import ExportError
from tsm_export.onnx.export import export_onnx
from tsm_export.tflite.export import export_tflite

__all__ = ["ExportError", "export_onnx", "export_tflite"]
