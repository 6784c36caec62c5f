"""config_from_dict: the config of a network of any task."""

from typing import Any

from tsm_keras.models.config.classifier import VideoClassifierConfig
from tsm_keras.models.config.detector import TASK, VideoDetectorConfig


def config_from_dict(
    values: dict[str, Any],
) -> VideoClassifierConfig | VideoDetectorConfig:
    """Returns the config that `to_dict` returned, by its `task`.

    Args:
        values: The plain data. A classifier's has no `task`.

    Raises:
        ValueError: If the task is unknown, or a field is missing, unknown or
            invalid.
    """
    if isinstance(values, dict) and "task" in values:
        if values["task"] != TASK:
            raise ValueError(
                f"`task` must be {TASK!r}, or left out for a classifier. "
                f"Received: task={values['task']!r}"
            )
        return VideoDetectorConfig.from_dict(values)
    return VideoClassifierConfig.from_dict(values)
