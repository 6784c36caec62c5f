"""Configs: everything needed to rebuild a network, in parts."""

from tsm_keras.models.config.backbone import BackboneConfig
from tsm_keras.models.config.classifier import VideoClassifierConfig
from tsm_keras.models.config.detector import (
    DetectionConfig,
    VideoDetectorConfig,
)
from tsm_keras.models.config.frames import (
    ClipConfig,
    ClipFormat,
    InputConfig,
    TakesClips,
)
from tsm_keras.models.config.head import HeadConfig
from tsm_keras.models.config.network import NetworkConfig
from tsm_keras.models.config.tasks import config_from_dict
from tsm_keras.models.config.temporal import TemporalConfig

__all__ = [
    "BackboneConfig",
    "ClipConfig",
    "ClipFormat",
    "DetectionConfig",
    "HeadConfig",
    "InputConfig",
    "NetworkConfig",
    "TakesClips",
    "TemporalConfig",
    "VideoClassifierConfig",
    "VideoDetectorConfig",
    "config_from_dict",
]
