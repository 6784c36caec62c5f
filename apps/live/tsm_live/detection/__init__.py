"""Boxes: decodes the outputs of a detector, and follows objects over time."""
