"""with_float_results: computes the last layer of an int8 network in float32."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tsm_export.description import ExportError
from tsm_export.tflite.flatbuffer import op_index, op_name, pack, unpack
from tsm_export.tflite.layout import put_in_order

# What may come after the last layer: the mean over the frames of a clip, and
# the softmax.
_AFTER = ("MEAN", "RESHAPE", "SOFTMAX")
_TYPES = {
    np.float16: schema.TensorType.FLOAT16,
    np.float32: schema.TensorType.FLOAT32,
}


def with_float_results(content: bytes) -> bytes:
    """Computes all outputs except the caches in float32, in the last layer.

    Rounding logits to 256 steps decides for another class where two logits are
    close. The inputs and the weights of the layer keep their int8 values, so
    that its result differs only by this rounding.

    Args:
        content: The content of an int8 `.tflite` file with one signature. Its
            results come from fully connected layers, possibly with a mean over
            the frames and a softmax after them.

    Returns:
        The content of the new file. The layer's weights take two bytes each.

    Raises:
        ExportError: If the last layer is not fully connected.
    """
    model = unpack(content)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    makers = {op.outputs[0]: op for op in graph.operators}
    caches = {each.name + b"_out" for each in signature.inputs}
    layers = {}
    for entry in signature.outputs:
        if entry.name not in caches:
            index = entry.tensorIndex
            _change_type(graph.tensors[index], schema.TensorType.FLOAT32)
            while op_name(model, makers[index]) in _AFTER:
                index = makers[index].inputs[0]
                _change_type(graph.tensors[index], schema.TensorType.FLOAT32)
            layers[index] = makers[index]
    graph.operators = [
        each
        for operator in graph.operators
        for each in _in_float(model, operator, layers.values())
    ]
    put_in_order(model)
    return pack(model)


def _in_float(model, operator, layers) -> Iterator[Any]:
    """Yields an operator; before a last layer, those that dequantize for it."""
    if not any(operator is layer for layer in layers):
        yield operator
        return
    if op_name(model, operator) != "FULLY_CONNECTED":
        raise ExportError(
            "Float logits need a fully connected last layer. Received: "
            f"{op_name(model, operator)}"
        )
    source, weights, *biases = operator.inputs
    # The GPU accelerator of LiteRT 2.3 dequantizes float16 weights and refuses
    # int8 ones.
    _store(model, weights, np.int8, np.float16)
    for bias in biases:
        _store(model, bias, np.int32, np.float32)
    operator.inputs = [*biases]
    for index in (weights, source):
        dequantize = _dequantize(model, index)
        operator.inputs = [*dequantize.outputs, *operator.inputs]
        yield dequantize
    yield operator


def _dequantize(model, index):
    """Returns an op that dequantizes a tensor, with a new tensor as output."""
    (graph,) = model.subgraphs
    operator = schema.OperatorT()
    # Version 3 takes float16.
    operator.opcodeIndex = op_index(model, "DEQUANTIZE", version=3)
    operator.inputs, operator.outputs = [index], [len(graph.tensors)]
    tensor = schema.TensorT()
    tensor.name = graph.tensors[index].name + b"_float32"
    tensor.shape = graph.tensors[index].shape
    tensor.type = schema.TensorType.FLOAT32
    tensor.buffer = 0  # By convention the empty buffer.
    graph.tensors.append(tensor)
    return operator


def _store(model, index, before, after):
    """Stores a constant, which has a scale per channel, as floating point."""
    (graph,) = model.subgraphs
    tensor = graph.tensors[index]
    old = tensor.buffer
    data = np.asarray(model.buffers[old].data, np.uint8).view(before)
    scales = np.asarray(tensor.quantization.scale, np.float32)
    values = data.reshape(len(scales), -1) * scales[:, None]
    tensor.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT())
    stored = np.ascontiguousarray(values, after)
    model.buffers[-1].data = stored.reshape(-1).view(np.uint8)
    # A tensor with the same content may share the buffer.
    if all(other.buffer != old for other in graph.tensors):
        model.buffers[old].data = None
    _change_type(tensor, _TYPES[after])


def _change_type(tensor, dtype):
    tensor.type = dtype
    tensor.quantization = None
