"""Conversion to `.onnx` files."""
