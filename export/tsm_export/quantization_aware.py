"""quantization_aware_tflite: full int8 with the ranges that training found."""

import os
import pathlib
import tempfile

import tensorflow as tf
from tensorflow import keras

from tsm_keras.keras_version import run_in_tf_keras
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.models.quantization_aware import (
    quantization_aware,
    set_activation_ranges,
    tie_caches,
)
from tsm_keras.models.streaming import to_streaming


def quantization_aware_tflite(model: keras.Model, *, streams: int = 1) -> bytes:
    """Converts a quantization-aware trained model to a streaming int8 network.

    Nothing is measured: weights are rounded per channel, activations to the
    model's `activation_ranges`, and each cache shares the range of the tensor
    that it is cut from. Under Keras 3 a process of its own does the work.

    Args:
        model: A causal clip model with `activation_ranges`, from
            `fit_quantization_aware` or the preset of one.
        streams: N, the streams in one batch.

    Returns:
        A `.tflite` without spec. Its signature is that of `export_tflite`,
        all of it int8; frames have the scale 1 and the zero-point -128.

    Raises:
        ValueError: If the model was not trained so, or cannot stream.
        ImportError: If tf_keras or tfmot is missing.
    """
    if not getattr(model, "activation_ranges", None):
        raise ValueError(
            "int8_qat needs a model that was trained for it: fine-tune this "
            "one with `tsm train --qat --init=PRESET`, or export it with "
            "quantize='int8', which measures ranges. Received: a model "
            "without `activation_ranges`"
        )
    to_streaming(model, streams=streams)  # Raises if it cannot.
    with tempfile.TemporaryDirectory() as folder:
        preset = save_preset(model, pathlib.Path(folder) / "preset")
        path = pathlib.Path(folder) / "model.tflite"
        run_in_tf_keras(
            "tsm_export.quantization_aware:_convert",
            os.fspath(preset),
            os.fspath(path),
            streams,
        )
        return path.read_bytes()


def _convert(preset, path, streams):
    model = load_preset(preset)
    streaming = to_streaming(model, streams=streams)
    rounding = quantization_aware(streaming)
    set_activation_ranges(rounding, model.activation_ranges)
    tie_caches(rounding)
    names = [tensor.name for tensor in streaming.inputs]
    signature = {
        name: tf.TensorSpec(tensor.shape, tf.float32, name=name)
        for name, tensor in zip(names, streaming.inputs, strict=True)
    }

    def step(inputs):
        return rounding([inputs[name] for name in names], training=False)

    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(rounding)
        archive.add_endpoint("serving_default", step, [signature])
        archive.write_out(folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        pathlib.Path(path).write_bytes(converter.convert())
