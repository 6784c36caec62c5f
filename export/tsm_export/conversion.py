"""convert: a Keras network with named inputs becomes TFLite bytes."""

import tempfile
import warnings

import tensorflow as tf
from tensorflow import keras

from tsm_export.calibration import Feeds
from tsm_keras.keras_version import KERAS_3

# What is stored in how many bits.
QUANTIZATIONS = {
    "none": "weights and activations in float32",
    "float16": "weights in float16, half the file",
    "dynamic": "weights in int8, activations in float32 between the layers",
    "int8": "weights, activations, inputs, outputs and caches in int8",
}


def convert(
    network: keras.Model,
    *,
    quantize: str = "none",
    calibration: Feeds | None = None,
    softmax: bool = False,
) -> bytes:
    """Converts a functional network from a dictionary to a dictionary.

    The names of its inputs and outputs become the names of the signature.
    Batch normalization is folded into the convolutions.

    Args:
        network: All shapes static.
        quantize: One of `QUANTIZATIONS`.
        calibration: For int8: inputs to measure the ranges on.
        softmax: Replace the output `logits` by `probabilities`.

    Returns:
        The content of a `.tflite` file with built-in ops only.
    """
    # Without a name of its own each tensor would be called `inputs_<n>`.
    signature = {
        name: tf.TensorSpec(tensor.shape, tf.float32, name=name)
        for name, tensor in _by_name(network.inputs)
    }

    def serve(inputs):
        outputs = network(inputs, training=False)
        if softmax:
            logits = outputs.pop("logits")
            outputs["probabilities"] = tf.nn.softmax(logits)
        return outputs

    with tempfile.TemporaryDirectory() as folder:
        # ExportArchive freezes the variables; a bare SavedModel does not.
        archive = keras.export.ExportArchive()
        archive.track(network)
        archive.add_endpoint("serving_default", serve, [signature])
        archive.write_out(folder, **({"verbose": False} if KERAS_3 else {}))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        _set_quantization(converter, quantize, calibration)
        with warnings.catch_warnings():
            # TensorFlow's calibrator uses its own deprecated interpreter.
            warnings.filterwarnings("ignore", ".*tf.lite.Interpreter")
            return converter.convert()


def _by_name(tensors):
    return [(tensor.name.split(":")[0], tensor) for tensor in tensors]


def _set_quantization(converter, quantize, calibration):
    if quantize == "none":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        converter.representative_dataset = lambda: calibration
