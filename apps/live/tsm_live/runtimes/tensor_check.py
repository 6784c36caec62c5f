"""tensor_problems: what a tensor of a `.tflite` file says of itself."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES: dict[int, np.dtype] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
}
_MAX_BYTES = 1 << 30  # Of a tensor.

# Scales that the converter could have given: of values, whose range it makes at
# least 1e-6 wide, and of biases, which have the scale of a product. Others lead
# kernels to multipliers that they cannot represent, and some then abort.
_SCALES = {1: (1e-9, 1e6), 4: (1e-18, 1e12)}  # By the bytes of an integer.


@dataclasses.dataclass(frozen=True)
class Tensor:
    """What operators must know of a tensor.

    Attributes:
        dtype: Of its values.
        shape: Static.
        scales: None of floats, one, or one a channel.
        is_constant: Whether its values are in the file.
        numbers: Of a constant of int32: its values, where they lie in the file.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    is_constant: bool
    numbers: np.ndarray


def describe_tensor(model: schema.Model, tensor: schema.Tensor) -> Tensor:
    """Returns what operators must know of a tensor without problems."""
    buffer = model.Buffers(tensor.Buffer())
    dtype = _TYPES[tensor.Type()]
    is_constant = buffer.DataLength() > 0
    has_numbers = is_constant and dtype == np.int32
    quantization = tensor.Quantization()
    return Tensor(
        dtype=dtype,
        shape=tuple(vector(tensor.ShapeAsNumpy())),
        scales=tuple(
            vector(quantization.ScaleAsNumpy()) if quantization else ()
        ),
        is_constant=is_constant,
        numbers=(
            buffer.DataAsNumpy().view(np.int32)
            if has_numbers
            else np.zeros(0, np.int32)
        ),
    )


def tensor_problems(
    model: schema.Model, tensor: schema.Tensor
) -> Iterator[str]:
    """Yields what makes a tensor one that `tsm export` does not write."""
    shape = vector(tensor.ShapeAsNumpy())
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
    yield from _quantization_problems(
        tensor.Quantization(), shape, dtype, buffer.DataLength() > 0
    )


def _quantization_problems(numbers, shape, dtype, is_constant) -> Iterator[str]:
    scales = [] if numbers is None else vector(numbers.ScaleAsNumpy())
    zeros = [] if numbers is None else vector(numbers.ZeroPointAsNumpy())
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
    lowest, highest = _SCALES[dtype.itemsize]
    axis = numbers.QuantizedDimension()
    channels = shape[axis] if is_constant and 0 <= axis < len(shape) else 1
    if (
        len(scales) not in (1, channels)
        or len(zeros) != len(scales)
        or not all(lowest <= scale <= highest for scale in scales)
        or not all(limits.min <= zero <= limits.max for zero in zeros)
    ):
        yield f"has scales {scales[:3]}... and zero points {zeros[:3]}..."


def vector(array: np.ndarray | int) -> list:
    """Returns what a vector holds; one that is not there reads as 0."""
    return array.tolist() if isinstance(array, np.ndarray) else []
