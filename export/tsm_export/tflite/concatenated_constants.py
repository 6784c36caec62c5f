"""store_as_float32: stores concatenated constants as float32.

In a file with float16 weights, the zeros at the ends of a shifted clip are
float16 too. If LiteRT 2.3's GPU accelerator then computes in float32 on a GPU
that supports float16, its shader for the concatenation does not compile. All
logits are zero then, and only the log says why.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tsm_export.tflite.flatbuffer import op_name


def store_as_float32(model: Any) -> None:
    """Stores float16 constants that are concatenated as float32.

    Args:
        model: A `schema.ModelT` with one graph. It is changed in place and
            computes the same as before.
    """
    (graph,) = model.subgraphs
    concatenated = {
        index
        for operator in graph.operators
        if op_name(model, operator) == "CONCATENATION"
        for index in operator.inputs
    }
    operators = []
    for operator in graph.operators:
        if op_name(model, operator) == "DEQUANTIZE":
            (source,), (output,) = operator.inputs, operator.outputs
            stored = graph.tensors[source]
            data = model.buffers[stored.buffer].data
            if (
                stored.type == schema.TensorType.FLOAT16
                and data is not None
                and output in concatenated
            ):
                buffer = schema.BufferT()
                halves = np.asarray(data, np.uint8).view(np.float16)
                buffer.data = halves.astype(np.float32).view(np.uint8)
                graph.tensors[output].buffer = len(model.buffers)
                model.buffers.append(buffer)
                continue  # Its output is a constant now.
        operators.append(operator)
    graph.operators = operators
