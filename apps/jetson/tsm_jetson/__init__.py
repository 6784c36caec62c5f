"""Runs streaming TSM artifacts in TensorRT, or in ONNX Runtime."""

from tsm_jetson.version import __version__

try:
    from tsm_jetson.sessions import TensorRTSession, open_session
except ModuleNotFoundError as error:
    if error.name != "tsm_live":
        raise
    raise ImportError(
        "tsm-jetson needs tsm-live: pip install tsm-live"
    ) from error

__all__ = ["TensorRTSession", "__version__", "open_session"]
