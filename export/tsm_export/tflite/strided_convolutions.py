"""sample_first: splits strided 1x1 convolutions in int8 into two ops.

LiteRT 2.3's GPU accelerator ignores the stride of a 1x1 convolution in int8,
without an error: a ResNet-50 agreed with the CPU only by chance. If another op
picks the pixels first, all runtimes compute the same.
"""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tsm_export.tflite.flatbuffer import op_index, op_name


def sample_first(model: Any) -> None:
    """Splits each strided 1x1 convolution of int8 into two ops.

    They are a 1x1 max pooling with the stride, which only picks pixels, and a
    convolution with stride 1.

    Args:
        model: A `schema.ModelT` with one graph. It is changed in place and
            computes the same as before.
    """
    (graph,) = model.subgraphs
    operators = []
    for operator in graph.operators:
        if _is_sampling(model, graph, operator):
            operators.append(_sampling(model, graph, operator))
        operators.append(operator)
    graph.operators = operators


def _is_sampling(model, graph, operator):
    if op_name(model, operator) != "CONV_2D":
        return False
    image, kernel = (graph.tensors[index] for index in operator.inputs[:2])
    return (
        image.type == schema.TensorType.INT8
        and list(kernel.shape[1:3]) == [1, 1]
        and _strides(operator) != (1, 1)
    )


def _sampling(model, graph, convolution):
    """Returns a pooling with a convolution's stride, and sets that to 1."""
    image = graph.tensors[convolution.inputs[0]]
    output = graph.tensors[convolution.outputs[0]]
    sampled = schema.TensorT()
    sampled.name = output.name + b"/sampled"
    sampled.shape = [*output.shape[:3], image.shape[3]]
    sampled.type = image.type
    sampled.quantization = image.quantization
    sampled.buffer = 0  # By convention the empty buffer.
    graph.tensors.append(sampled)

    options = schema.Pool2DOptionsT()
    options.padding = convolution.builtinOptions.padding
    options.strideH, options.strideW = _strides(convolution)
    options.filterHeight = options.filterWidth = 1
    pool = schema.OperatorT()
    pool.opcodeIndex = op_index(model, "MAX_POOL_2D", version=2)
    pool.inputs = [convolution.inputs[0]]
    pool.outputs = [len(graph.tensors) - 1]
    pool.builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
    pool.builtinOptions = options

    convolution.inputs = [pool.outputs[0], *convolution.inputs[1:]]
    convolution.builtinOptions.strideH = 1
    convolution.builtinOptions.strideW = 1
    return pool


def _strides(convolution):
    options = convolution.builtinOptions
    return options.strideH, options.strideW
