"""check_model: a `.tflite` file is looked through before LiteRT gets it.

LiteRT verifies that a file is a flatbuffer; what the flatbuffer says it takes
on trust. An int8 tensor without a scale, an operator whose options are another
one's or a constant that is too short may end the process. So only what
`tsm export` could have written goes on to LiteRT.
"""

import itertools
from collections.abc import Iterator

from ai_edge_litert import schema_py_generated as schema

from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes.operator_check import (
    BIASED,
    OPERATOR_NAMES,
    OPERATORS,
    operator_problems,
)
from tsm_live.runtimes.tensor_check import (
    describe_tensor,
    tensor_problems,
    vector,
)

_MAX_COUNT = 1 << 16  # Of tensors, operators, buffers.


def check_model(content: bytes) -> None:
    """Looks through the flatbuffer at the start of a `.tflite` file.

    Raises:
        ArtifactError: If it is not one that `tsm export` could have written.
    """
    try:
        problem = next(_problems(schema.Model.GetRootAs(content)), None)
    # Broken offsets lead the reader into all kinds of errors.
    except Exception as error:
        problem = f"it cannot be read: {error}"
    if problem:
        raise ArtifactError(f"The model is not one of `tsm export`: {problem}.")


def _problems(model) -> Iterator[str]:
    if model.SubgraphsLength() != 1 or model.SignatureDefsLength() != 1:
        yield "it holds more or less than one graph with one signature"
        return
    graph, signature = model.Subgraphs(0), model.SignatureDefs(0)
    counts = (
        graph.TensorsLength(),
        graph.OperatorsLength(),
        model.BuffersLength(),
        model.OperatorCodesLength(),
    )
    if max(counts) > _MAX_COUNT:
        yield f"it counts {counts} tensors, operators, buffers and codes"
        return
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    for number, tensor in enumerate(tensors):
        for problem in tensor_problems(model, tensor):
            yield f"tensor {number} {problem}"
    described = [describe_tensor(model, tensor) for tensor in tensors]
    yield from _graph_problems(model, graph, described)
    yield from _signature_problems(graph, signature)


def _graph_problems(model, graph, tensors) -> Iterator[str]:
    """Every tensor is there before an operator takes it, and written once."""
    known = [tensor.is_constant for tensor in tensors]
    for index in vector(graph.InputsAsNumpy()):
        if not 0 <= index < len(known) or known[index]:
            yield f"tensor {index} cannot be an input"
            return
        known[index] = True
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        index = operator.OpcodeIndex()
        if index >= model.OperatorCodesLength():
            yield f"operator {number} has code {index}, which is not there"
            return
        code = model.OperatorCodes(index)
        # Old codes are in a field of one byte, newer ones in the other.
        value = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = OPERATOR_NAMES.get(value, str(value))
        if name not in OPERATORS:
            yield f"operator {number} is {name}"
            return
        inputs = vector(operator.InputsAsNumpy())
        outputs = vector(operator.OutputsAsNumpy())
        if name in BIASED and len(inputs) == 3 and inputs[2] == -1:
            inputs.pop()  # No bias.
        fits = all(0 <= i < len(known) and known[i] for i in inputs)
        if not fits or len(inputs) not in OPERATORS[name][0]:
            yield f"operator {number}, {name}, cannot take tensors {inputs}"
            return
        if (
            len(outputs) != 1
            or not 0 <= outputs[0] < len(known)
            or known[outputs[0]]
        ):
            yield f"operator {number}, {name}, cannot write tensors {outputs}"
            return
        known[outputs[0]] = True
        for problem in operator_problems(
            operator, name, [tensors[i] for i in inputs], tensors[outputs[0]]
        ):
            yield f"operator {number}, {name}, {problem}"
    for index in vector(graph.OutputsAsNumpy()):
        if (
            not 0 <= index < len(known)
            or not known[index]
            or tensors[index].is_constant
        ):
            yield f"tensor {index} cannot be an output"


def _signature_problems(graph, signature) -> Iterator[str]:
    if signature.SubgraphIndex():
        yield f"the signature is of graph {signature.SubgraphIndex()}"
    sides = (
        (graph.InputsAsNumpy(), signature.InputsLength(), signature.Inputs),
        (graph.OutputsAsNumpy(), signature.OutputsLength(), signature.Outputs),
    )
    for indices, count, entry in sides:
        entries = [entry(i) for i in itertools.islice(range(count), _MAX_COUNT)]
        named = [item.TensorIndex() for item in entries]
        if sorted(named) != sorted(vector(indices)) or not all(
            item.Name() for item in entries
        ):
            yield f"the signature names tensors {named} of {vector(indices)}"
