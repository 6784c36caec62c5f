"""tie_masks: lets int8 features pass a mask of ones unchanged.

In a stream with lookahead, features are multiplied with the input `valid`. If
the product had another scale than the features, they would be rounded again.
"""

from typing import Any

from tsm_export.tflite.flatbuffer import op_name

# The output of these ops has the scale of their input.
_MOVES = ("MAX_POOL_2D", "PAD")


def tie_masks(model: Any) -> None:
    """Gives features the scale that their product with a mask has.

    Args:
        model: A `schema.ModelT` with one graph and one signature. It is
            changed in place.
    """
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    masks = {
        entry.tensorIndex
        for entry in signature.inputs
        if entry.name == b"valid"
    }
    makers = {out: each for each in graph.operators for out in each.outputs}
    masks |= {out for out, each in makers.items() if each.inputs[0] in masks}
    for operator in graph.operators:
        given = list(operator.inputs)
        if op_name(model, operator) != "MUL" or not masks & {*given}:
            continue
        (features,) = {*given} - masks
        scale = graph.tensors[operator.outputs[0]].quantization
        graph.tensors[features].quantization = scale
        while (maker := makers.get(features)) and (
            op_name(model, maker) in _MOVES
        ):
            features = maker.inputs[0]
            graph.tensors[features].quantization = scale
