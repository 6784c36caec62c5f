"""operator_problems: whether an operator of a `.tflite` file can be run."""

import math
from collections.abc import Iterator, Sequence

from ai_edge_litert import schema_py_generated as schema

from tsm_live.runtimes.tensor_check import Tensor

# Whose weights and bias may have a scale for each channel.
BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

# The operators of artifacts: how many inputs each may have, and the options
# that it must have. They are those that the GPU delegate documents, without
# what our networks have no use for; and BATCH_MATMUL of non-local blocks, which
# it takes all the same.
OPERATORS: dict[str, tuple[range, str]] = {
    "ADD": (range(2, 3), "AddOptions"),
    "AVERAGE_POOL_2D": (range(1, 2), "Pool2DOptions"),
    "BATCH_MATMUL": (range(2, 3), "BatchMatMulOptions"),
    "CONCATENATION": (range(1, 9), "ConcatenationOptions"),
    "CONV_2D": (range(3, 4), "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": (range(3, 4), "DepthwiseConv2DOptions"),
    "DEQUANTIZE": (range(1, 2), ""),
    "FULLY_CONNECTED": (range(2, 4), "FullyConnectedOptions"),
    "MAX_POOL_2D": (range(1, 2), "Pool2DOptions"),
    "MEAN": (range(2, 3), "ReducerOptions"),
    "MUL": (range(2, 3), "MulOptions"),
    "PAD": (range(2, 3), ""),
    "QUANTIZE": (range(1, 2), ""),
    "RELU": (range(1, 2), ""),
    "RELU6": (range(1, 2), ""),
    "RESHAPE": (range(2, 3), ""),
    "SLICE": (range(3, 4), ""),
    "SOFTMAX": (range(1, 2), "SoftmaxOptions"),
    "STRIDED_SLICE": (range(4, 5), "StridedSliceOptions"),
    "SUB": (range(2, 3), "SubOptions"),
}

# Whose inputs after the first say what shape comes out. Computed, they would
# make LiteRT allocate tensors anew within a step.
_SHAPED = ("MEAN", "PAD", "RESHAPE", "SLICE", "STRIDED_SLICE")

# Whose output may be of another type than their first input.
_CONVERSIONS = ("DEQUANTIZE", "QUANTIZE")

# All inputs of which are of one type. Others have constants of another.
_ELEMENTWISE = ("ADD", "CONCATENATION", "MUL", "SUB")

# Whose output is as large as their input.
_SAME_SHAPE = ("DEQUANTIZE", "QUANTIZE", "RELU", "RELU6", "SOFTMAX")

# int8 sums are computed in units of an input's scale / 2**19: LiteRT aborts
# where one such unit exceeds a step of the output.
_SUMS, _SUM_BITS = ("ADD", "SUB"), 19

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


def operator_problems(
    operator: schema.Operator,
    name: str,
    inputs: Sequence[Tensor],
    output: Tensor,
) -> Iterator[str]:
    """Yields what makes an operator one that `tsm export` does not write.

    Args:
        operator: What the file says.
        name: One of `OPERATORS`.
        inputs: As many as it may have.
        output: The only one.
    """
    yield from _option_problems(operator, name)
    if name in _SHAPED and not all(tensor.is_constant for tensor in inputs[1:]):
        yield "computes its output's shape"
        return
    alike = inputs if name in _ELEMENTWISE else inputs[:1]
    types = {str(tensor.dtype) for tensor in (*alike, output)}
    if name not in _CONVERSIONS and len(types) > 1:
        yield f"mixes {' and '.join(sorted(types))}"
        return
    if name in _SAME_SHAPE and output.shape != inputs[0].shape:
        yield f"makes {output.shape} of {inputs[0].shape}"
    if name == "RESHAPE" and not (
        _can_be(inputs[1].numbers, output.shape)
        and math.prod(inputs[0].shape) == math.prod(output.shape)
    ):
        wanted = tuple(inputs[1].numbers[:8].tolist())
        yield f"makes {output.shape} of {inputs[0].shape}, asked for {wanted}"
    plain = inputs[:1] if name in BIASED else inputs
    if any(len(tensor.scales) > 1 for tensor in plain):
        yield "takes a scale for each channel"
        return
    if name in _SUMS and output.scales:
        (scale,) = output.scales
        widest = max(sum((tensor.scales for tensor in inputs), ()), default=0.0)
        if widest >= scale * 2**_SUM_BITS:
            yield f"adds at a scale of {widest} what it gives at {scale}"


def _can_be(wanted, shape):
    """Whether a shape is the one wanted, -1 being any number."""
    return len(wanted) == len(shape) and all(
        one in (-1, other) for one, other in zip(wanted, shape, strict=True)
    )


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
