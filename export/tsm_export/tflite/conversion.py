"""convert: converts a Keras network with named inputs to TFLite."""

import tempfile
import warnings

import tensorflow as tf
from tensorflow import keras
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from tsm_export.calibration import Feeds
from tsm_export.heads import artifact_outputs
from tsm_export.tflite.cache_scales import tie_caches
from tsm_export.tflite.concatenated_constants import store_as_float32
from tsm_export.tflite.flatbuffer import pack, unpack
from tsm_export.tflite.layout import put_in_order
from tsm_export.tflite.masks import tie_masks
from tsm_export.tflite.single_pixels import skip_squeezes
from tsm_export.tflite.strided_convolutions import sample_first

# The quantizations of .tflite files, with the text for the help.
QUANTIZATIONS = {
    "none": "weights and activations in float32",
    "float16": "weights in float16, half the file",
    "dynamic": "weights in int8, activations in float32 between the layers",
    "int8": "weights, activations, inputs, outputs and caches in int8",
    "int8_qat": "int8, in the ranges that quantization-aware training found",
}


def convert(
    network: keras.Model,
    *,
    quantize: str = "none",
    calibration: Feeds | None = None,
    softmax: bool = False,
) -> bytes:
    """Converts a functional network whose inputs and outputs are dictionaries.

    The names of its inputs become the names of the signature, and those of its
    outputs too, except that heads are named as by `artifact_outputs`.
    Batch normalization is folded into the convolutions.

    Args:
        network: A network with static shapes; for int8_qat one from
            `quantization_aware`.
        quantize: One of `QUANTIZATIONS`.
        calibration: The inputs on which int8 measures its ranges.
        softmax: Give probabilities instead of logits.

    Returns:
        The content of a `.tflite` file with built-in ops only.
    """
    module = tf.Module()
    module.serve = _freeze(network, softmax)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.serve)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        _set_quantization(converter, quantize, calibration)
        with warnings.catch_warnings():
            # TensorFlow's calibrator uses its own deprecated interpreter.
            warnings.filterwarnings("ignore", ".*tf.lite.Interpreter")
            content = converter.convert()
    model = unpack(content)
    tie_masks(model)
    tie_caches(model)
    skip_squeezes(model)
    sample_first(model)
    store_as_float32(model)
    put_in_order(model)
    return pack(model)


def _freeze(network, softmax):
    """Returns the network as a function whose weights are constants.

    With variables, saving and loading would trace a function per variable,
    which takes four times as long as the rest of the conversion.
    """
    # Without these names the inputs would be called `inputs_<n>`.
    signature = {
        name: tf.TensorSpec(tensor.shape, tf.float32, name=name)
        for name, tensor in (
            (tensor.name.split(":")[0], tensor) for tensor in network.inputs
        )
    }

    def run(inputs):
        return artifact_outputs(network(inputs, training=False), softmax)

    run = tf.function(run, input_signature=[signature], jit_compile=False)
    concrete = run.get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)

    def serve(inputs):
        outputs = frozen(*tf.nest.flatten(inputs))
        return tf.nest.pack_sequence_as(concrete.structured_outputs, outputs)

    return tf.function(serve, input_signature=[signature])


def _set_quantization(converter, quantize, calibration):
    if quantize == "none":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize in ("int8", "int8_qat"):
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    if quantize == "int8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        converter.representative_dataset = lambda: calibration
