"""Accuracy of detectors of objects in videos."""
