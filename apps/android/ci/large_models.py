"""Exports MobileNetV2 at 224 pixels with random weights, to measure a session.

    python apps/android/ci/large_models.py FOLDER

It writes `float32.tflite` and `int8.tflite`.
"""

import pathlib
import sys

import numpy as np

from tsm_export import export_tflite
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig

_SIZE = 224


def main(folder: pathlib.Path) -> None:
    """Writes the artifacts to a folder."""
    config = VideoClassifierConfig(
        num_classes=2,
        labels=("none", "wave"),
        backbone="mobilenet_v2",
        num_segments=2,
        shift="causal",
        image_size=_SIZE,
    )
    model = build_clip_model(config)
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (1, 2, _SIZE, _SIZE, 3), np.uint8)
    for quantize in ("none", "int8"):
        name = "float32" if quantize == "none" else quantize
        export_tflite(
            model,
            folder / f"{name}.tflite",
            quantize=quantize,
            calibration_clips=clips if quantize == "int8" else None,
        )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
