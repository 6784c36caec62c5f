"""Temporal Shift Modules for Keras: training, evaluation and streaming."""

import importlib

from tsm_keras.version import __version__

# The module of each public name. A module is imported when its name is first
# used, so that `tsm --help` and generated videos do not wait for TensorFlow.
_HOMES = {
    "AugmentationConfig": "tsm_keras.data.augment.augmentation",
    "BatchNormalization": "tsm_keras.layers",
    "FoldTime": "tsm_keras.layers",
    "NonLocalBlock": "tsm_keras.layers",
    "Predictions": "tsm_keras.evaluation.predictions",
    "Recipe": "tsm_keras.training.recipes",
    "RunFolder": "tsm_keras.training.runs.run_folder",
    "SamplingConfig": "tsm_keras.data.pipeline.sampling",
    "SegmentConsensus": "tsm_keras.layers",
    "StreamingClassifier": "tsm_keras.models.streaming_classifier",
    "TSMClassifier": "tsm_keras.classifier",
    "TemporalShift": "tsm_keras.layers",
    "TrainingConfig": "tsm_keras.training.fit",
    "UnfoldTime": "tsm_keras.layers",
    "VideoClassifierConfig": "tsm_keras.models.config",
    "ViewConfig": "tsm_keras.data.pipeline.views",
    "build_clip_model": "tsm_keras.models.clip",
    "build_streaming_model": "tsm_keras.models.streaming",
    "compute_metrics": "tsm_keras.evaluation.metrics",
    "evaluate": "tsm_keras.evaluation.evaluate",
    "export_state_dict": "tsm_keras.checkpoints.exporting",
    "find_recipe": "tsm_keras.training.recipes",
    "fit": "tsm_keras.training.fit",
    "import_state_dict": "tsm_keras.checkpoints.importing",
    "load_preset": "tsm_keras.models.presets",
    "detection_videos": "tsm_keras.data.readers.detection_videos",
    "make_dataset": "tsm_keras.data.pipeline.dataset",
    "make_detection_dataset": "tsm_keras.data.pipeline.boxed_clips",
    "open_clips": "tsm_keras.data.readers.clip_reader",
    "open_prepared": "tsm_keras.data.storage.prepared_dataset",
    "plan_dataset": "tsm_keras.data.prepare.prepare",
    "predict_videos": "tsm_keras.video_prediction",
    "predict_views": "tsm_keras.evaluation.views",
    "prepare": "tsm_keras.data.prepare.prepare",
    "save_preset": "tsm_keras.models.presets",
    "scan_folder": "tsm_keras.data.readers.folder",
    "to_flow": "tsm_keras.models.flow",
    "train_in_folder": "tsm_keras.training.runs.train_in_folder",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tsm_keras' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted(__all__)
