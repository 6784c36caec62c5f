"""Runs streaming TSM artifacts in TensorRT, or in ONNX Runtime."""

from tsm_jetson.sessions import TensorRTSession, open_session
from tsm_jetson.version import __version__

__all__ = ["TensorRTSession", "__version__", "open_session"]
