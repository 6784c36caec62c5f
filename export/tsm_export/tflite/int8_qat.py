"""quantization_aware_tflite: converts to int8 with the ranges of training."""

import os
import pathlib
import tempfile
from typing import Any

from tensorflow import keras

from tsm_export.tflite.conversion import convert
from tsm_keras.models.clip import to_single_clip
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.models.quantization.quantization_aware import (
    quantization_aware,
    set_activation_ranges,
    tie_caches,
)
from tsm_keras.models.streaming import to_streaming
from tsm_keras.tf_keras_process import run_in_tf_keras


def quantization_aware_tflite(
    model: keras.Model,
    *,
    kind: str = "stream",
    streams: int = 1,
    image_size: int | None = None,
    softmax: bool = False,
) -> bytes:
    """Converts a model to int8 after quantization-aware training.

    No ranges are measured. Kernels are quantized per channel and activations
    with the model's `activation_ranges`; a cache has the range of the tensor
    that it is a slice of. Under Keras 3, a child process with tf_keras does
    the work.

    Args:
        model: A clip model with `activation_ranges`, from
            `fit_quantization_aware` or from a preset of such a model.
        kind: `"stream"` or `"clip"`.
        streams: The number of streams in one batch.
        image_size: The size of frames in pixels; None for that of the training.
        softmax: Give probabilities instead of logits.

    Returns:
        The content of a `.tflite` file that is entirely int8. Images have the
        scale 1 and the zero point -128.

    Raises:
        ValueError: If the model has no `activation_ranges`, or cannot stream.
        ImportError: If tf_keras or tfmot is missing.
    """
    if not getattr(model, "activation_ranges", None):
        raise ValueError(
            "int8_qat needs quantization-aware training: fine-tune the model "
            "with `tsm train --qat --init=PRESET`, or use int8, which "
            "measures ranges. Received: a model without `activation_ranges`"
        )
    with tempfile.TemporaryDirectory() as folder:
        preset = save_preset(model, pathlib.Path(folder) / "preset")
        path = pathlib.Path(folder) / "model.tflite"
        run_in_tf_keras(
            f"{__name__}:_convert_preset",
            *(os.fspath(preset), os.fspath(path), kind),
            {"streams": streams, "image_size": image_size},
            softmax,
        )
        return path.read_bytes()


def _convert_preset(
    preset: str, path: str, kind: str, size: dict[str, Any], softmax: bool
) -> None:
    model = load_preset(preset)
    if kind == "stream":
        network = to_streaming(model, **size)
    else:
        network = to_single_clip(model, image_size=size["image_size"])
    rounding = quantization_aware(network)
    set_activation_ranges(rounding, model.activation_ranges)
    tie_caches(rounding)
    content = convert(rounding, quantize="int8_qat", softmax=softmax)
    pathlib.Path(path).write_bytes(content)
