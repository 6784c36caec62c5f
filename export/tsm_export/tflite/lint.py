"""lint: finds problems for GPU delegates and apps in a `.tflite` file."""

from collections.abc import Iterator

from tsm_export.networks import MAX_RANK
from tsm_export.tflite.flatbuffer import op_name, unpack

# The ops that artifacts may contain. GPU delegates document all of them except
# BATCH_MATMUL, which non-local blocks need and delegates take as well.
OPERATORS = {
    "ADD",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEQUANTIZE",
    "DIV",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "PAD",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
    "SLICE",
    "SOFTMAX",
    "STRIDED_SLICE",
    "SUB",
}

_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "CAST"}


def lint(content: bytes) -> list[str]:
    """Returns one sentence per problem of a `.tflite` file.

    It finds ops outside `OPERATORS`, variables, tensors with a rank above 4
    or without a static shape, inputs that are passed through to an output,
    caches whose input and output differ, and caches that are converted at the
    boundary of the network.

    Args:
        content: The model that `load_artifact` returns.
    """
    try:
        model = unpack(content)
    # The reader raises many kinds of exceptions for wrong offsets.
    except Exception as error:
        return [f"The file cannot be read: {error}."]
    if len(model.subgraphs) != 1 or len(model.signatureDefs or []) != 1:
        return ["The file must hold one graph with one signature."]
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    ops = [op_name(model, operator) for operator in graph.operators]
    return [
        *_check_ops(ops),
        *_check_tensors(graph),
        *_check_boundary(graph),
        *_check_caches(graph, signature, ops),
    ]


def _check_ops(ops) -> Iterator[str]:
    for name in sorted(set(ops) - OPERATORS):
        yield f"The op {name} is not one that artifacts may contain."


def _check_tensors(graph) -> Iterator[str]:
    for tensor in graph.tensors:
        shape = [] if tensor.shape is None else list(tensor.shape)
        signature = tensor.shapeSignature
        name = _text(tensor.name)
        if tensor.isVariable:
            yield f"{name} is a variable."
        if len(shape) > MAX_RANK:
            yield f"{name} has more than {MAX_RANK} axes: {shape}."
        if min([*shape, *([] if signature is None else signature), 1]) < 1:
            yield f"{name} has no static shape."


def _check_boundary(graph) -> Iterator[str]:
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    for index in set(inputs) & set(outputs):
        name = _text(graph.tensors[index].name)
        yield f"{name} is passed through from an input to an output."
    if len(set(outputs)) != len(outputs):
        yield "Two outputs are the same tensor."


def _check_caches(graph, signature, ops) -> Iterator[str]:
    ends = {
        _text(entry.name): entry.tensorIndex
        for entry in (*signature.inputs, *signature.outputs)
    }
    for name, index in ends.items():
        if not name.startswith("cache_") or name.endswith("_out"):
            continue
        out = ends.get(f"{name}_out")
        if out is None:
            yield f"{name} has no output {name}_out."
            continue
        if _kind(graph.tensors[index]) != _kind(graph.tensors[out]):
            yield f"{name} and {name}_out differ in type, shape or scale."
        for operator, op in zip(graph.operators, ops, strict=True):
            touches = index in operator.inputs or out in operator.outputs
            if touches and op in _CONVERSIONS:
                yield f"{name} is converted by {op}."


def _kind(tensor):
    numbers = tensor.quantization
    scale = None if numbers is None else numbers.scale
    zero = None if numbers is None else numbers.zeroPoint
    return (
        tensor.type,
        list(tensor.shape),
        [] if scale is None else list(scale),
        [] if zero is None else list(zero),
    )


def _text(name):
    return (name or b"").decode(errors="replace")
