"""Detectors of objects in `tsm evaluate`."""
