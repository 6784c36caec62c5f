"""Artifacts whose hash is right and whose model is crafted to do harm."""

import functools
import pathlib
import tempfile

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from testing.mutations import model_bytes, packed
from tsm_live.artifact.file import read_spec, write_spec

_WRAPS = 2**31 - 1  # Two of these make a sum of -2 in 32 bits.


def absurd_scale(model, graph):
    """A sum whose scale no multiplier can represent: LiteRT aborts."""
    (output,) = _operator(model, graph, "ADD").outputs
    graph.tensors[output].quantization.scale = np.float32([1e-30])


def wrapping_padding(model, graph):
    """Paddings that leave a picture smaller, says 32-bit arithmetic."""
    paddings = graph.tensors[_operator(model, graph, "PAD").inputs[1]]
    values = np.int32([0, 0, _WRAPS, _WRAPS, _WRAPS, _WRAPS, 0, 0])
    model.buffers[paddings.buffer].data = values.view(np.uint8)
    convolution = _operator(model, graph, "CONV_2D").builtinOptions
    convolution.padding = schema.Padding.SAME


def no_scale(model, graph):
    """A tensor of integers without what they stand for."""
    tensor = next(t for t in graph.tensors if t.type == schema.TensorType.INT8)
    tensor.quantization = None


def missing_input(model, graph):
    """An operator that takes no tensor."""
    graph.operators[0].inputs[0] = -1


CHANGES = (
    absurd_scale,
    wrapping_padding,
    no_scale,
    missing_input,
)


def write_crafted(path: pathlib.Path, change=absurd_scale) -> None:
    """Writes a small int8 artifact after `change(model, graph)`."""
    sound = _sound()
    model = schema.ModelT.InitFromPackedBuf(bytearray(model_bytes(sound)), 0)
    change(model, model.subgraphs[0])
    path.write_bytes(packed(model))
    write_spec(path, read_spec(sound))


@functools.cache
def _holder():
    # Lives as long as the cache: until the tests end.
    return tempfile.TemporaryDirectory()


@functools.cache
def _sound():
    from testing.every_operator import write_every_operator

    path = pathlib.Path(_holder().name) / "sound.tflite"
    write_every_operator(path, "int8")
    return path


def _operator(model, graph, name):
    code = getattr(schema.BuiltinOperator, name)
    return next(
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == code
    )
