"""convert_onnx: converts a Keras network with named inputs to ONNX."""

import pathlib
import tempfile
import warnings
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.description import IMAGE_INPUTS
from tsm_export.heads import artifact_outputs
from tsm_export.onnx.quiet import quiet

if TYPE_CHECKING:
    import onnx

# The newest opset that all of TensorRT 8.5 (JetPack 5) to 11 can parse.
OPSET = 17


def convert_onnx(
    network: keras.Model, *, input_dtype: str = "float32", softmax: bool = False
) -> "onnx.ModelProto":
    """Converts a functional network whose inputs and outputs are dictionaries.

    Inputs and outputs keep their names, except that heads are named as by
    `artifact_outputs`. Those of rank 4 become NCHW, including the caches and
    the outputs of a detector, so that hardly any transposes are left. Batch
    normalization is folded into the convolutions.

    Args:
        network: A network with static shapes.
        input_dtype: The type of `frame` or `clip`, `"float32"` or `"uint8"`.
        softmax: Give probabilities instead of logits.

    Returns:
        A float32 model of opset `OPSET`. Its inputs are the images, then the
        caches; its outputs are the heads, then the caches.
    """
    import tf2onnx

    inputs = dict(
        sorted(_by_name(network.inputs), key=lambda item: _order(item[0]))
    )
    signature = [
        tf.TensorSpec(
            tensor.shape,
            input_dtype if name in IMAGE_INPUTS.values() else tf.float32,
            name=name,
        )
        for name, tensor in inputs.items()
    ]

    @tf.function(input_signature=signature, jit_compile=False)
    def serve(*values):
        named = dict(zip(inputs, values, strict=True))
        outputs = network(
            {name: tf.cast(value, tf.float32) for name, value in named.items()},
            training=False,
        )
        return artifact_outputs(outputs, softmax)

    outputs = serve.get_concrete_function().structured_outputs
    images = [name for name, each in outputs.items() if len(each.shape) == 4]
    with warnings.catch_warnings(), quiet("tf2onnx"):
        warnings.simplefilter("ignore")
        model, _ = tf2onnx.convert.from_function(
            serve,
            input_signature=signature,
            opset=OPSET,
            inputs_as_nchw=list(inputs),
            outputs_as_nchw=images,
        )
    _double_simply(model)
    return _tidy(_reshape_simply(_fold(model)))


def _by_name(tensors):
    return [(tensor.name.split(":")[0], tensor) for tensor in tensors]


def _order(name):
    return name.startswith("cache_"), name


def _double_simply(model):
    """Doubles features by a rule that ONNX and TensorRT still recommend.

    tf2onnx writes a deprecated one, about which ONNX Runtime warns. For a
    factor of two, both give the same.
    """
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.s == b"tf_half_pixel_for_nn":
                attribute.s = b"asymmetric"


def _fold(model):
    """Folds constants, above all batch normalization.

    After depthwise convolutions, tf2onnx leaves it as `Mul` and `Add`. ONNX
    Runtime's basic optimizations fold it and use only standard ops.
    """
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "folded.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        )
        options.optimized_model_filepath = path
        options.log_severity_level = 3  # Errors.
        onnxruntime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )
        return onnx.load(path)


def _reshape_simply(model):
    """Replaces transposes that move only axes of size 1 by reshapes.

    They keep the order of the numbers, so no runtime has to copy any. tf2onnx
    leaves them where features have a single pixel, such as the factors of
    squeeze-and-excitation.
    """
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    shapes = {
        value.name: [
            size.dim_value for size in value.type.tensor_type.shape.dim
        ]
        for value in (*inferred.graph.input, *inferred.graph.value_info)
    }
    for node in model.graph.node:
        if node.op_type != "Transpose" or node.input[0] not in shapes:
            continue
        sizes = shapes[node.input[0]]
        if 0 in sizes:  # An unknown size.
            continue
        (order,) = (list(each.ints) for each in node.attribute)
        longer = [axis for axis in order if sizes[axis] != 1]
        if longer != sorted(longer):
            continue
        shape = onnx.numpy_helper.from_array(
            np.array([sizes[axis] for axis in order], np.int64),
            f"{node.output[0]}_shape",
        )
        model.graph.initializer.append(shape)
        node.op_type = "Reshape"
        node.input.append(shape.name)
        del node.attribute[:]
    return model


def _tidy(model):
    """Puts the outputs in order and drops declarations that nothing uses."""
    outputs = sorted(model.graph.output, key=lambda item: _order(item.name))
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    used = {"", *(node.domain for node in model.graph.node)}
    opsets = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model
