"""check_model: a `.tflite` file is looked through before LiteRT gets it.

LiteRT verifies that a file is a flatbuffer; what the flatbuffer says it takes
on trust. An int8 tensor without a scale, an operator whose options are another
one's or a constant that is too short may end the process. So only what
`tsm export` could have written goes on to LiteRT.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tsm_live.spec import ArtifactError

_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

# The operators of artifacts: how many inputs each may have, and the options
# that it must have. They are those that the GPU delegate documents, without
# what our networks have no use for; and BATCH_MATMUL of non-local blocks, which
# it takes all the same.
OPERATORS: dict[str, tuple[range, str]] = {
    "ADD": (range(2, 3), "AddOptions"),
    "AVERAGE_POOL_2D": (range(1, 2), "Pool2DOptions"),
    "BATCH_MATMUL": (range(2, 3), "BatchMatMulOptions"),
    "CONCATENATION": (range(1, 9), "ConcatenationOptions"),
    "CONV_2D": (range(2, 4), "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": (range(2, 4), "DepthwiseConv2DOptions"),
    "DEQUANTIZE": (range(1, 2), ""),
    "FULLY_CONNECTED": (range(2, 4), "FullyConnectedOptions"),
    "MAX_POOL_2D": (range(1, 2), "Pool2DOptions"),
    "MEAN": (range(2, 3), "ReducerOptions"),
    "MUL": (range(2, 3), "MulOptions"),
    "PAD": (range(2, 3), ""),
    "QUANTIZE": (range(1, 2), ""),
    "RELU": (range(1, 2), ""),
    "RELU6": (range(1, 2), ""),
    "RESHAPE": (range(1, 3), ""),
    "SLICE": (range(3, 4), ""),
    "SOFTMAX": (range(1, 2), "SoftmaxOptions"),
    "STRIDED_SLICE": (range(4, 5), "StridedSliceOptions"),
    "SUB": (range(2, 3), "SubOptions"),
}

# Whose inputs after the first say what shape comes out. Computed, they would
# make LiteRT allocate tensors anew within a step.
_SHAPED = ("MEAN", "PAD", "RESHAPE", "SLICE", "STRIDED_SLICE")

# What options may say, where there are any of these.
_LIMITS = {
    "StrideW": range(1, 1 << 10),
    "StrideH": range(1, 1 << 10),
    "DilationWFactor": range(1, 1 << 10),
    "DilationHFactor": range(1, 1 << 10),
    "FilterWidth": range(1, 1 << 12),
    "FilterHeight": range(1, 1 << 12),
    "Padding": range(2),
    "FusedActivationFunction": range(6),
    "Axis": range(-4, 5),
    "WeightsFormat": range(1),
    "EllipsisMask": range(1),
    "NewAxisMask": range(1),
}
OPERATOR_NAMES = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if isinstance(code, int)
}
_TYPES: dict[int, np.dtype] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
}
_MAX_BYTES = 1 << 30  # Of a tensor.
_MAX_COUNT = 1 << 16  # Of tensors, operators, buffers.


def check_model(content: bytes) -> None:
    """Looks through the flatbuffer at the start of a `.tflite` file.

    Raises:
        ArtifactError: If it is not one that `tsm export` could have written.
    """
    try:
        problem = next(_problems(schema.Model.GetRootAs(content)), None)
    # Broken offsets lead the reader into all kinds of errors.
    except Exception as error:
        problem = f"it cannot be read: {error}"
    if problem:
        raise ArtifactError(f"The model is not one of `tsm export`: {problem}.")


def _problems(model) -> Iterator[str]:
    if model.SubgraphsLength() != 1 or model.SignatureDefsLength() != 1:
        yield "it holds more or less than one graph with one signature"
        return
    graph, signature = model.Subgraphs(0), model.SignatureDefs(0)
    counts = (
        graph.TensorsLength(),
        graph.OperatorsLength(),
        model.BuffersLength(),
        model.OperatorCodesLength(),
    )
    if max(counts) > _MAX_COUNT:
        yield f"it counts {counts} tensors, operators, buffers and codes"
        return
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    for number, tensor in enumerate(tensors):
        for problem in _tensor_problems(model, tensor):
            yield f"tensor {number} {problem}"
    constant = [model.Buffers(t.Buffer()).DataLength() > 0 for t in tensors]
    yield from _graph_problems(model, graph, constant)
    yield from _signature_problems(graph, signature)


def _tensor_problems(model, tensor) -> Iterator[str]:
    shape = _list(tensor.ShapeAsNumpy())
    dtype = _TYPES.get(tensor.Type())
    if dtype is None or min(shape, default=1) < 1:
        yield f"has type {tensor.Type()} and shape {shape}"
        return
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > _MAX_BYTES:
        yield f"takes {nbytes} bytes"
    if (
        tensor.IsVariable()
        or tensor.Sparsity() is not None
        or tensor.VariantTensorsLength()
        or getattr(tensor, "ExternalBuffer", int)()  # Not in LiteRT 1.
    ):
        yield "is a variable, sparse, a variant or outside of the file"
    if tensor.Buffer() >= model.BuffersLength():
        yield f"lies in buffer {tensor.Buffer()}, which is not there"
        return
    buffer = model.Buffers(tensor.Buffer())
    if buffer.Offset() or buffer.Size():
        yield "lies outside of the flatbuffer"
    if buffer.DataLength() not in (0, nbytes):
        yield f"takes {nbytes} bytes, of which {buffer.DataLength()} are there"
    yield from _quantization_problems(tensor.Quantization(), shape, dtype)


def _quantization_problems(numbers, shape, dtype) -> Iterator[str]:
    scales = [] if numbers is None else _list(numbers.ScaleAsNumpy())
    zeros = [] if numbers is None else _list(numbers.ZeroPointAsNumpy())
    if numbers is not None and numbers.DetailsType():
        yield "is quantized in a way of its own"
    if not scales:
        if dtype.itemsize == 1:
            yield f"is {dtype} and has no scale"
        return
    if dtype.kind == "f":
        yield f"is {dtype} and has a scale"
        return
    limits = np.iinfo(dtype)
    axis = numbers.QuantizedDimension()
    channels = shape[axis] if 0 <= axis < len(shape) else 1
    if (
        len(scales) not in (1, channels)
        or len(zeros) != len(scales)
        or not all(math.isfinite(scale) and scale > 0 for scale in scales)
        or not all(limits.min <= zero <= limits.max for zero in zeros)
    ):
        yield f"has scales {scales[:3]}... and zero points {zeros[:3]}..."


def _graph_problems(model, graph, constant) -> Iterator[str]:
    """Every tensor is there before an operator takes it, and written once."""
    known = [*constant]
    for index in _list(graph.InputsAsNumpy()):
        if not 0 <= index < len(known) or known[index]:
            yield f"tensor {index} cannot be an input"
            return
        known[index] = True
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        index = operator.OpcodeIndex()
        if index >= model.OperatorCodesLength():
            yield f"operator {number} has code {index}, which is not there"
            return
        code = model.OperatorCodes(index)
        # Old codes are in a field of one byte, newer ones in the other.
        value = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = OPERATOR_NAMES.get(value, str(value))
        if name not in OPERATORS:
            yield f"operator {number} is {name}"
            return
        inputs = _list(operator.InputsAsNumpy())
        outputs = _list(operator.OutputsAsNumpy())
        if name in _BIASED and len(inputs) == 3 and inputs[2] == -1:
            inputs.pop()  # No bias.
        fits = all(0 <= i < len(known) and known[i] for i in inputs)
        if not fits or len(inputs) not in OPERATORS[name][0]:
            yield f"operator {number}, {name}, cannot take tensors {inputs}"
            return
        if name in _SHAPED and not all(constant[i] for i in inputs[1:]):
            yield f"operator {number}, {name}, computes its output's shape"
            return
        if (
            len(outputs) != 1
            or not 0 <= outputs[0] < len(known)
            or known[outputs[0]]
        ):
            yield f"operator {number}, {name}, cannot write tensors {outputs}"
            return
        known[outputs[0]] = True
        for problem in _option_problems(operator, name):
            yield f"operator {number}, {name}, {problem}"
    for index in _list(graph.OutputsAsNumpy()):
        if not 0 <= index < len(known) or not known[index] or constant[index]:
            yield f"tensor {index} cannot be an output"


def _option_problems(operator, name) -> Iterator[str]:
    expected = OPERATORS[name][1]
    if operator.BuiltinOptions2Type() or operator.CustomOptionsLength():
        yield "has options of another kind"
    if not expected:
        return
    found = operator.BuiltinOptionsType()
    table = operator.BuiltinOptions()
    if found != getattr(schema.BuiltinOptions, expected) or table is None:
        yield f"has options of type {found} instead of {expected}"
        return
    options = getattr(schema, expected)()
    options.Init(table.Bytes, table.Pos)
    for field, limits in _LIMITS.items():
        read = getattr(options, field, None)
        if read and read() not in limits:
            yield f"has {field} {read()}"


def _signature_problems(graph, signature) -> Iterator[str]:
    if signature.SubgraphIndex():
        yield f"the signature is of graph {signature.SubgraphIndex()}"
    sides = (
        (graph.InputsAsNumpy(), signature.InputsLength(), signature.Inputs),
        (graph.OutputsAsNumpy(), signature.OutputsLength(), signature.Outputs),
    )
    for indices, count, entry in sides:
        entries = [entry(i) for i in itertools.islice(range(count), _MAX_COUNT)]
        named = [item.TensorIndex() for item in entries]
        if sorted(named) != sorted(_list(indices)) or not all(
            item.Name() for item in entries
        ):
            yield f"the signature names tensors {named} of {_list(indices)}"


def _list(array):
    """Returns what a vector holds; one that is not there reads as 0."""
    return array.tolist() if isinstance(array, np.ndarray) else []
