"""export_tflite: a causal clip model becomes a streaming `.tflite` artifact."""

import os
import pathlib
import tempfile
import warnings

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.calibration import streamed_states
from tsm_keras.keras_version import KERAS_3, KERAS_VERSION
from tsm_keras.models.streaming import cache_shapes, to_streaming
from tsm_keras.version import __version__
from tsm_live.spec import ArtifactSpec, TensorSpec, write_spec

QUANTIZATIONS = ("none", "int8")


class ExportError(RuntimeError):
    """A converted model that must not be handed over."""


def export_tflite(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    quantize: str = "none",
    calibration_clips: np.ndarray | None = None,
    preset_hash: str = "",
) -> ArtifactSpec:
    """Writes a streaming artifact for one stream.

    Its signature: `frame` (`[1, S, S, 3]` RGB in 0..255) and `cache_kk` in,
    `logits` and `cache_kk_out` out. The file appears when it is complete.

    Args:
        model: A clip model whose shift is causal (or none).
        path: The `.tflite` file to write.
        quantize: `"none"` (float32) or `"int8"` (weights per channel,
            activations, inputs, outputs and caches).
        calibration_clips: For int8: `[B, T, S, S, 3]` uint8 RGB clips; the
            ranges are those of the states while they stream through.
        preset_hash: Of the weights, to be carried along.

    Returns:
        The spec that is embedded in the file.

    Raises:
        ValueError: If the model cannot stream, has no labels, or int8 has
            nothing to calibrate on.
        ExportError: If a cache's input and output differ in scale or
            zero-point; an app could not feed one to the other.
    """
    if quantize not in QUANTIZATIONS:
        raise ValueError(
            f"`quantize` must be one of {QUANTIZATIONS}. "
            f"Received: quantize={quantize!r}"
        )
    if quantize == "int8" and calibration_clips is None:
        raise ValueError(
            "int8 needs `calibration_clips`, real clips to measure ranges on. "
            "Received: calibration_clips=None"
        )
    if not model.video_config.labels:
        raise ValueError(
            "An artifact carries its labels: give the config `labels`. "
            "Received: labels=()"
        )
    streaming = to_streaming(model, streams=1)
    content = _convert(streaming, quantize, calibration_clips)
    spec = _describe(streaming, content, quantize, preset_hash)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        write_spec(temporary, spec)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return spec


def _convert(streaming, quantize, calibration_clips):
    names = ["frame", *cache_shapes(streaming)]
    shapes = {
        tensor.name.split(":")[0]: tensor.shape for tensor in streaming.inputs
    }
    # Without a name of its own each tensor would be called `inputs_<n>`.
    signature = {
        name: tf.TensorSpec(shapes[name], tf.float32, name=name)
        for name in names
    }
    with tempfile.TemporaryDirectory() as folder:
        # ExportArchive freezes the variables; a bare SavedModel does not.
        archive = keras.export.ExportArchive()
        archive.track(streaming)
        archive.add_endpoint(
            "serving_default",
            lambda inputs: streaming(inputs, training=False),
            [signature],
        )
        quiet = {"verbose": False} if KERAS_3 else {}
        archive.write_out(folder, **quiet)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8
            ]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            converter.representative_dataset = lambda: streamed_states(
                streaming, calibration_clips
            )
        with warnings.catch_warnings():
            # TensorFlow's calibrator uses its own deprecated interpreter.
            warnings.filterwarnings("ignore", ".*tf.lite.Interpreter")
            return converter.convert()


def _describe(streaming, content, quantize, preset_hash):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=content).get_signature_runner()
    inputs = _tensor_specs(runner.get_input_details())
    outputs = _tensor_specs(runner.get_output_details())
    caches = tuple(inputs[name] for name in cache_shapes(streaming))
    for cache in caches:
        fresh = outputs[f"{cache.name}_out"]
        if (cache.shape, cache.dtype, cache.scale, cache.zero_point) != (
            fresh.shape,
            fresh.dtype,
            fresh.scale,
            fresh.zero_point,
        ):
            raise ExportError(
                f"{cache.name} cannot be fed back: its input and output "
                f"differ. Received: {cache} and {fresh}"
            )
    config = streaming.video_config
    return ArtifactSpec(
        kind="stream",
        labels=config.labels,
        frame=inputs["frame"],
        logits=outputs["logits"],
        caches=caches,
        resize_size=config.resize_size,
        frame_interval=config.frame_interval,
        num_segments=config.num_segments,
        quantization=quantize,
        preset_hash=preset_hash,
        versions={
            "tsm_export": __version__,
            "tensorflow": tf.__version__,
            "keras": KERAS_VERSION,
        },
    )


def _tensor_specs(details) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            name=name,
            shape=tuple(map(int, detail["shape"])),
            dtype=np.dtype(detail["dtype"]).name,
            scale=float(detail["quantization"][0]),
            zero_point=int(detail["quantization"][1]),
        )
        for name, detail in details.items()
    }
