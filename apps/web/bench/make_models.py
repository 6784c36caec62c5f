"""Makes the artifacts of the benchmark: MobileNetV2 with 224 pixels.

Run it with `python apps/web/bench/make_models.py FOLDER`.
"""

import pathlib
import sys

from testing.artifacts import random_clips
from testing.models import random_clip_model
from tsm_export import export_onnx, export_tflite

_LABELS = tuple("abcdefg")


def main(folder: pathlib.Path) -> None:
    """Writes `float32.tflite`, `int8.tflite` and `int8.onnx`."""
    folder.mkdir(parents=True, exist_ok=True)
    model = random_clip_model(
        "mobilenet_v2", image_size=224, width=1.0, labels=_LABELS
    )
    clips = random_clips(2, model, seed=9)
    export_tflite(model, folder / "float32.tflite")
    export_tflite(
        model, folder / "int8.tflite", quantize="int8", calibration_clips=clips
    )
    export_onnx(
        model, folder / "int8.onnx", quantize="int8", calibration_clips=clips
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
