"""skip_squeezes: images of one pixel are added as images.

TensorFlow turns the sum of two `[1, 1, 1, C]` tensors into the addition of a
bias, and reshapes one of them to `[C]`. LiteRT 2.3's GPU accelerator adds wrong
numbers then in int8, and says nothing.
"""

from typing import Any

from tsm_export.tflite.flatbuffer import op_name


def skip_squeezes(model: Any) -> None:
    """Adds what was reshaped to a bias as the image that it was.

    Args:
        model: A `schema.ModelT` of one graph, to be changed; it computes what
            it did.
    """
    (graph,) = model.subgraphs
    # The image behind each bias that is one.
    images = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators
        if op_name(model, operator) == "RESHAPE"
        and _is_pixel(graph.tensors[operator.inputs[0]])
        and len(_shape(graph.tensors[operator.outputs[0]])) == 1
    }
    for operator in graph.operators:
        if op_name(model, operator) == "ADD" and _is_pixel(
            graph.tensors[operator.outputs[0]]
        ):
            operator.inputs = [images.get(i, i) for i in operator.inputs]
    used = {index for each in graph.operators for index in each.inputs}
    used.update(graph.outputs)
    graph.operators = [
        operator
        for operator in graph.operators
        if operator.outputs[0] in used or operator.outputs[0] not in images
    ]


def _is_pixel(tensor):
    return _shape(tensor)[:-1] == [1, 1, 1]


def _shape(tensor):
    return [] if tensor.shape is None else list(tensor.shape)
