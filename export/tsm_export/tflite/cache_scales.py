"""tie_caches: gives each int8 cache the scale of its output.

The converter does so by itself if an output is made of parts of its cache. The
caches of X3D hold sums, so the converter gives their two ends scales that
differ a little.
"""

from typing import Any

from tsm_export.tflite.flatbuffer import op_name

# The output of these ops has the scale of their input.
_MOVES = ("SLICE", "STRIDED_SLICE")


def tie_caches(model: Any) -> None:
    """Gives caches, and slices of them, the scale of the cache output.

    Args:
        model: A `schema.ModelT` with one graph and one signature. It is
            changed in place.
    """
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    ends = {
        entry.name.decode(): entry.tensorIndex
        for entry in (*signature.inputs, *signature.outputs)
    }
    for name, cache in ends.items():
        if f"{name}_out" not in ends:
            continue
        out = graph.tensors[ends[f"{name}_out"]]
        tied = {cache}
        for operator in graph.operators:
            if op_name(model, operator) in _MOVES and tied & {*operator.inputs}:
                tied.update(operator.outputs)
        for index in tied:
            graph.tensors[index].quantization = out.quantization
