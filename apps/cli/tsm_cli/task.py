"""is_detector: whether a model detects objects, read without TensorFlow."""

import json
import os
import pathlib

from tsm_live.artifact.file import read_spec


def is_detector(path: str | os.PathLike) -> bool:
    """Returns whether a preset or an artifact detects objects in frames.

    It is False for a file that cannot be read: opening it will raise the error.
    """
    path = pathlib.Path(path)
    try:
        if path.is_file():
            return read_spec(path).detection is not None
        description = json.loads((path / "config.json").read_text("utf-8"))
        return description["config"].get("task") == "detection"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def expect_classifier(path: str | os.PathLike) -> None:
    """Refuses a model that detects objects.

    Raises:
        ValueError: If the model is a detector.
    """
    if is_detector(path):
        raise ValueError(
            "A model that classifies videos is needed here; a detector is "
            "evaluated by `tsm evaluate DETECTOR --data=FOLDER` and shows its "
            f"boxes in `tsm-live`. Received: {path}, a detector of objects"
        )
