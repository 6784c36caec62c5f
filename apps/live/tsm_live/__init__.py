"""Runs streaming TSM artifacts on a device, without TensorFlow."""

from tsm_live.spec import ArtifactError, ArtifactSpec, read_spec
from tsm_live.version import __version__

__all__ = [
    "ArtifactError",
    "ArtifactSpec",
    "Prediction",
    "StreamingSession",
    "__version__",
    "read_spec",
]


def __getattr__(name):
    # LiteRT loads when a session is wanted: reading a spec needs none of it.
    if name in ("Prediction", "StreamingSession"):
        from tsm_live import session

        return getattr(session, name)
    raise AttributeError(f"module 'tsm_live' has no attribute {name!r}")
