"""skip_squeezes: adds images of one pixel without reshaping them.

TensorFlow turns the sum of two `[1, 1, 1, C]` tensors into the addition of a
bias and reshapes one of them to `[C]`. In int8, LiteRT 2.3's GPU accelerator
then gives wrong results without an error.
"""

from typing import Any

from tsm_export.tflite.flatbuffer import op_name


def skip_squeezes(model: Any) -> None:
    """Replaces a reshaped image in an addition by the image itself.

    Args:
        model: A `schema.ModelT` with one graph. It is changed in place and
            computes the same as before.
    """
    (graph,) = model.subgraphs
    # The image by the index of its reshaped tensor.
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
