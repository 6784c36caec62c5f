"""Objectives: the loss, the metrics and the labels of each task."""

from tensorflow import keras

from tsm_keras.models.config import (
    HeadConfig,
    VideoClassifierConfig,
    VideoDetectorConfig,
)
from tsm_keras.training.objectives.box_losses import DetectionObjective
from tsm_keras.training.objectives.classification import (
    ClassificationObjective,
)
from tsm_keras.training.objectives.objective import Objective

__all__ = ["Objective", "objective_of", "objective_of_model"]


def objective_of(
    config: VideoClassifierConfig | VideoDetectorConfig,
) -> Objective:
    """Returns the objective of the networks of a config."""
    if isinstance(config, VideoDetectorConfig):
        return DetectionObjective(config)
    return ClassificationObjective(config.heads)


def objective_of_model(model: keras.Model) -> Objective:
    """Returns the objective of any model; a plain one is a classifier."""
    if hasattr(model, "video_config"):
        return objective_of(model.video_config)
    return ClassificationObjective((HeadConfig(model.output_shape[-1]),))
