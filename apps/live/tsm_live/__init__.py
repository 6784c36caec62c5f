"""Runs streaming TSM artifacts on a device, without TensorFlow."""

import importlib

from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.version import __version__

__all__ = [
    "AcceleratorError",
    "ArtifactError",
    "ArtifactSpec",
    "ClipSession",
    "DetectionPrediction",
    "OnnxSession",
    "Prediction",
    "Session",
    "SessionError",
    "StreamingSession",
    "__version__",
    "open_session",
    "read_spec",
]

_LATE = {
    "AcceleratorError": "tsm_live.runtimes.network",
    "ClipSession": "tsm_live.sessions.clip_session",
    "DetectionPrediction": "tsm_live.sessions.detection_prediction",
    "OnnxSession": "tsm_live.sessions.open_session",
    "Prediction": "tsm_live.sessions.prediction",
    "Session": "tsm_live.sessions.base_session",
    "SessionError": "tsm_live.runtimes.isolated_network",
    "StreamingSession": "tsm_live.sessions.open_session",
    "open_session": "tsm_live.sessions.open_session",
}


def __getattr__(name):
    # Loads a runtime only for a session, because reading a spec needs none.
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module 'tsm_live' has no attribute {name!r}")
