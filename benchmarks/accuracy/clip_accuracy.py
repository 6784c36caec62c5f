"""Shared by benchmarks of accuracy: clips in order and backwards, and seeds."""

import pathlib
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
from tensorflow import keras

from tsm_cli.predictors import ArtifactPredictor
from tsm_export.clips import video_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.evaluation.metrics import compute_metrics
from tsm_keras.evaluation.views import predict_views
from tsm_keras.models.config import VideoClassifierConfig

# The columns of a table of accuracies, by the names of `accuracies`.
MEASURES = {
    "top1": "top-1",
    "macro": "mean class accuracy",
    "top1_backwards": "top-1 backwards",
    "macro_backwards": "mean class accuracy backwards",
}


def accuracies(
    predictor: Callable[[np.ndarray], np.ndarray],
    clips: ClipReader,
    config: VideoClassifierConfig,
) -> dict[str, float]:
    """Returns the accuracies of a network, by the names of `MEASURES`.

    Those with "backwards" are for clips that are played from the last frame to
    the first, with unchanged labels.

    Args:
        predictor: A function from `[B, T, S, S, 3]` uint8 clips to logits.
        clips: The test clips.
        config: The config of the network.
    """
    result = {}
    for suffix, step in (("", 1), ("_backwards", -1)):
        predictions = predict_views(
            lambda found, step=step: predictor(found[:, ::step]),
            clips,
            config,
            ViewConfig(),
            batch_size=32,
        )
        metrics = compute_metrics(predictions)
        result[f"top1{suffix}"] = metrics.top1
        result[f"macro{suffix}"] = metrics.mean_class_accuracy
    return result


def int8_accuracies(
    model: keras.Model, training: ClipReader, clips: ClipReader, *, seed: int
) -> dict[str, float]:
    """Returns the accuracies of an int8 TFLite stream of a network.

    Args:
        model: A clip model that can stream.
        training: Training clips, of which 50 calibrate the quantization.
        clips: The test clips.
        seed: The seed of the calibration clips.
    """
    config = model.video_config
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "int8.tflite"
        examples = video_clips(training, config, 50, seed)
        export_tflite(
            model,
            path,
            kind="stream",
            quantize="int8",
            calibration_clips=examples,
        )
        return accuracies(ArtifactPredictor(path), clips, config)


def spread(shares: Sequence[float]) -> str:
    """Returns the mean, the lowest and the highest of shares, in percent."""
    percent = 100 * np.array(shares)
    return f"{percent.mean():.1f} ({percent.min():.1f} to {percent.max():.1f})"


def compare(top1: np.ndarray, base: np.ndarray | None) -> str:
    """Returns the difference of two means, and if the ranges overlap.

    Args:
        top1: The accuracies of all seeds, in percent.
        base: Those with which they are compared; None if there are none.
    """
    if base is None:
        return ""
    difference = f"{top1.mean() - base.mean():+.1f}"
    if overlap(top1, base):
        return f"{difference}, not told apart"
    return difference


def overlap(first: np.ndarray, second: np.ndarray) -> bool:
    """Tells whether the ranges of two sets of numbers overlap."""
    return first.min() <= second.max() and second.min() <= first.max()
