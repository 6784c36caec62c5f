"""with_input_type: changes the type of the image input."""

from ai_edge_litert import schema_py_generated as schema

from tsm_export.tflite.flatbuffer import op_index, pack, unpack
from tsm_export.tflite.layout import put_in_order

_UINT8, _FLOAT32 = schema.TensorType.UINT8, schema.TensorType.FLOAT32
_TYPES = {"uint8": _UINT8, "float32": _FLOAT32}


def with_input_type(content: bytes, name: str, dtype: str) -> bytes:
    """Changes the type of an input with one op in front of the network.

    The converter can only change all inputs, but the caches must keep their
    type. uint8 inputs get the scale 1, so that they take pixels in 0..255.

    Args:
        content: The content of a `.tflite` file with one signature.
        name: The name of a float32 or int8 input.
        dtype: `"uint8"` or `"float32"`.

    Returns:
        The content of the new file, or `content` if nothing has to change.
    """
    model = unpack(content)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    (entry,) = [i for i in signature.inputs if i.name.decode() == name]
    old, new = entry.tensorIndex, len(graph.tensors)
    before = graph.tensors[old].type
    if before == _TYPES[dtype]:
        return content
    graph.tensors.append(_tensor(f"{name}_{dtype}", dtype, graph.tensors[old]))
    graph.inputs = [new if index == old else index for index in graph.inputs]
    entry.tensorIndex = new

    operator = schema.OperatorT()
    operator.opcodeIndex = op_index(
        model, "DEQUANTIZE" if before == _FLOAT32 else "QUANTIZE"
    )
    operator.inputs, operator.outputs = [new], [old]
    graph.operators.insert(0, operator)
    put_in_order(model)
    return pack(model)


def _tensor(name, dtype, like):
    tensor = schema.TensorT()
    tensor.name = name.encode()
    tensor.shape = like.shape
    tensor.type = _TYPES[dtype]
    tensor.buffer = 0  # By convention the empty buffer.
    if dtype == "uint8":
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [1.0]
        tensor.quantization.zeroPoint = [0]
    return tensor
