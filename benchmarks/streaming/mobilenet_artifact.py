"""Shared by benchmarks of sessions: a MobileNetV2 with random weights."""

import pathlib

import numpy as np

from tsm_export.tflite.export import export_tflite
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig

NUM_CLASSES = 27


def mobilenet_artifact(
    folder: pathlib.Path,
    *,
    quantize: str = "none",
    streams: int = 1,
    image_size: int = 224,
    width: float = 1.0,
) -> pathlib.Path:
    """Exports a causal network that takes frames without resizing.

    Returns:
        The path of the `.tflite` file in the folder.
    """
    model = build_clip_model(
        VideoClassifierConfig(
            num_classes=NUM_CLASSES,
            width=width,
            shift="causal",
            image_size=image_size,
            resize_size=image_size,
            labels=tuple(f"class {k}" for k in range(NUM_CLASSES)),
        )
    )
    shape = 1, 8, image_size, image_size, 3
    rng = np.random.default_rng(0)
    path = folder / f"{quantize}_{streams}.tflite"
    export_tflite(
        model,
        path,
        quantize=quantize,
        streams=streams,
        calibration_clips=rng.integers(0, 256, shape, np.uint8),
    )
    return path
