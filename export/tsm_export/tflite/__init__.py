"""Conversion to `.tflite` files."""
