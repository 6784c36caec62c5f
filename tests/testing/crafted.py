"""Artifacts with a valid hash and a model that is crafted to do harm."""

import functools
import pathlib
import tempfile

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from testing.mutations import model_bytes, packed
from tsm_live.artifact.file import read_spec, write_spec

_WRAPS = 2**31 - 1  # The sum of two of these is -2 in 32 bits.


def absurd_scale(model, graph):
    """Gives a sum a scale that no multiplier can represent: LiteRT aborts."""
    (output,) = _operator(model, graph, "ADD").outputs
    graph.tensors[output].quantization.scale = np.float32([1e-30])


def wrapping_padding(model, graph):
    """Sets paddings that overflow 32 bits and seem to shrink a picture."""
    paddings = graph.tensors[_operator(model, graph, "PAD").inputs[1]]
    values = np.int32([0, 0, _WRAPS, _WRAPS, _WRAPS, _WRAPS, 0, 0])
    model.buffers[paddings.buffer].data = values.view(np.uint8)
    convolution = _operator(model, graph, "CONV_2D").builtinOptions
    convolution.padding = schema.Padding.SAME


def no_scale(model, graph):
    """Removes the scale of a tensor of integers."""
    tensor = next(t for t in graph.tensors if t.type == schema.TensorType.INT8)
    tensor.quantization = None


def missing_input(model, graph):
    """Removes an input of an operator."""
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
    # The object lives as long as the cache, until the tests end.
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
