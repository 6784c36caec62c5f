"""onnx_lint: finds problems for runtimes and apps in an ONNX file."""

from collections import Counter
from collections.abc import Iterator

from tsm_export.networks import MAX_RANK
from tsm_export.onnx.packages import require_onnx

# Transposes take time and compute nothing. A few are left at convolutions whose
# input has only one pixel.
_MAX_TRANSPOSES = 2


def onnx_lint(content: bytes) -> list[str]:
    """Returns one sentence per problem of an `.onnx` file.

    It finds nonstandard ops, batch normalization that was not folded,
    transposes, tensors of a rank above 4 or without a static shape, inputs
    that are passed through to an output, and caches whose input and output
    differ.

    Args:
        content: The bytes of an `.onnx` file.

    Raises:
        ImportError: If the packages of the extra `onnx` are missing.
    """
    require_onnx()
    import onnx

    model = onnx.load_from_string(content)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as error:
        return [f"It breaks ONNX's own rules: {error}"]
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return [
        *_check_ops(model.graph.node),
        *_check_tensors(inferred.graph),
        *_check_ends(model.graph),
    ]


def _check_ops(nodes) -> Iterator[str]:
    for node in nodes:
        if node.domain not in ("", "ai.onnx"):
            yield f"{node.name} is not a standard op, but of {node.domain}."
    counts = Counter(node.op_type for node in nodes)
    if counts["BatchNormalization"]:
        yield f"{counts['BatchNormalization']} BatchNormalization not folded."
    if counts["Transpose"] > _MAX_TRANSPOSES:
        yield f"{counts['Transpose']} Transpose nodes are left."


def _check_tensors(graph) -> Iterator[str]:
    for value in (*graph.input, *graph.value_info, *graph.output):
        sizes = value.type.tensor_type.shape.dim
        if len(sizes) > MAX_RANK:
            yield f"{value.name} has {len(sizes)} axes."
        if any(size.dim_value < 1 for size in sizes):
            yield f"{value.name} has no static shape."


def _check_ends(graph) -> Iterator[str]:
    inputs, outputs = (
        {end.name: end.type for end in ends}
        for ends in (graph.input, graph.output)
    )
    for name in inputs.keys() & outputs.keys():
        yield f"{name} is passed through from an input to an output."
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in inputs:
            yield f"{node.input[0]} is passed through by {node.name}."
    for name, kind in inputs.items():
        if name.startswith("cache_") and outputs.get(f"{name}_out") != kind:
            yield f"{name} and {name}_out differ in type or shape."
