import random
import shutil

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from testing.artifacts import random_artifact
from testing.every_operator import write_every_operator
from testing.fuzzing import fuzz
from testing.mutations import MUTATIONS, model_bytes, packed
from tsm_live import ArtifactError, StreamingSession, read_spec
from tsm_live.artifact.file import write_spec


@pytest.fixture(scope="module")
def every_operator(tmp_path_factory):
    path = tmp_path_factory.mktemp("every_operator") / "int8.tflite"
    write_every_operator(path, "int8")
    return path


def _repacked(content, change):
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    change(model, model.subgraphs[0])
    return packed(model)


def _no_scale(model, graph):
    tensor = next(t for t in graph.tensors if t.type == schema.TensorType.INT8)
    tensor.quantization = None


def _zero_scale(model, graph):
    tensor = next(t for t in graph.tensors if t.type == schema.TensorType.INT8)
    tensor.quantization.scale = np.zeros(1, np.float32)


def _missing_input(model, graph):
    graph.operators[0].inputs[0] = -1


def _another_operators_options(model, graph):
    graph.operators[0].opcodeIndex = (graph.operators[0].opcodeIndex + 1) % len(
        model.operatorCodes
    )


def _no_graph(model, graph):
    model.subgraphs = None


def _short_constant(model, graph):
    largest = max(
        (b for b in model.buffers if b.data is not None),
        key=lambda b: len(b.data),
    )
    largest.data = largest.data[:-4]


def _no_stride(model, graph):
    convolution = next(
        o.builtinOptions
        for o in graph.operators
        if isinstance(o.builtinOptions, schema.Conv2DOptionsT)
    )
    convolution.strideW = 0


def _written_twice(model, graph):
    graph.operators[1].outputs = graph.operators[0].outputs


def _endless_tensor(model, graph):
    graph.tensors[graph.outputs[0]].shape = [1 << 20, 1 << 20]


def _computed_begin(model, graph):
    """LiteRT would move its tensors while a session copies caches."""
    cut = next(
        o
        for o in graph.operators
        if isinstance(o.builtinOptions, schema.StridedSliceOptionsT)
    )
    cut.inputs[1] = graph.inputs[0]


def _operator(model, graph, name):
    code = getattr(schema.BuiltinOperator, name)
    return next(
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == code
    )


def _sum_at_another_scale(scale):
    def change(model, graph):
        (output,) = _operator(model, graph, "ADD").outputs
        graph.tensors[output].quantization.scale = np.float32([scale])

    return change


def _computed_by_channel(model, graph):
    (output,) = _operator(model, graph, "MUL").outputs
    numbers = graph.tensors[output].quantization
    count = graph.tensors[output].shape[3]
    numbers.scale = np.repeat(numbers.scale, count)
    numbers.zeroPoint = np.repeat(numbers.zeroPoint, count)
    numbers.quantizedDimension = 3


def _sum_of_another_type(model, graph):
    (output,) = _operator(model, graph, "ADD").outputs
    graph.tensors[output].type = schema.TensorType.FLOAT32
    graph.tensors[output].quantization = None


def _no_bias(model, graph):
    operator = _operator(model, graph, "DEPTHWISE_CONV_2D")
    operator.inputs = operator.inputs[:2]


def _sum_of_weights(model, graph):
    """Whose shape would do: those of a convolution of single pixels."""
    weights = next(
        index
        for index, tensor in enumerate(graph.tensors)
        if list(tensor.shape) == [8, 1, 1, 8]
    )
    _operator(model, graph, "ADD").inputs[0] = weights


def _longer_shape(model, graph):
    shape = graph.tensors[_operator(model, graph, "RESHAPE").inputs[1]]
    buffer = model.buffers[shape.buffer]
    buffer.data = np.resize(buffer.data, 5 * len(buffer.data))
    shape.shape = [5 * int(shape.shape[0])]


def _larger_than_its_source(model, graph):
    (output,) = _operator(model, graph, "SOFTMAX").outputs
    graph.tensors[output].shape = [1, 4, 4000]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_no_scale, "is int8 and has no scale"),
        (_zero_scale, r"has scales \[0.0\]"),
        (_missing_input, r"cannot take tensors \[-1"),
        (_another_operators_options, "operator 0, "),
        (_no_graph, "more or less than one graph"),
        (_short_constant, "of which .* are there"),
        (_no_stride, "has StrideW 0"),
        (_written_twice, "cannot write tensors"),
        (_endless_tensor, "takes .* bytes"),
        (_computed_begin, "STRIDED_SLICE, computes its output's shape"),
    ],
)
def test_what_litert_would_take_on_trust_is_refused(tmp_path, change, problem):
    """Most of these end the process when LiteRT gets them."""
    artifact = random_artifact(quantize="int8")
    path = tmp_path / "changed.tflite"
    path.write_bytes(_repacked(model_bytes(artifact), change))
    write_spec(path, read_spec(artifact))  # So the hash is right.
    with pytest.raises(ArtifactError, match=problem):
        StreamingSession(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_sum_at_another_scale(1e-30), r"has scales \[1.0.*e-30\]"),
        (_sum_at_another_scale(2e-9), "ADD, adds at a scale of"),
        (_computed_by_channel, r"has scales \["),
        (_sum_of_another_type, "ADD, mixes float32 and int8"),
        (_no_bias, "DEPTHWISE_CONV_2D, cannot take tensors"),
        (_sum_of_weights, "ADD, takes a scale for each channel"),
        (_longer_shape, "RESHAPE, makes .* asked for"),
        (_larger_than_its_source, r"SOFTMAX, makes \(1, 4, 4000\)"),
    ],
)
def test_what_few_networks_have_is_looked_at_too(
    tmp_path, every_operator, change, problem
):
    """Most of these end the process when LiteRT gets them."""
    path = tmp_path / "changed.tflite"
    path.write_bytes(_repacked(model_bytes(every_operator), change))
    write_spec(path, read_spec(every_operator))
    with pytest.raises(ArtifactError, match=problem):
        StreamingSession(path)


def test_a_repacked_model_still_runs(tmp_path):
    """It is the changes above that are refused, not the packing."""
    artifact = random_artifact(quantize="int8")
    path = tmp_path / "same.tflite"
    path.write_bytes(_repacked(model_bytes(artifact), lambda *_: None))
    write_spec(path, read_spec(artifact))
    frame = np.full((64, 64, 3), 9, np.uint8)
    sessions = StreamingSession(path), StreamingSession(artifact)
    one, other = (session.step(frame).logits for session in sessions)
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_no_mutated_file_or_frame_ends_the_process(tmp_path):
    """Ten thousand are for `benchmarks/fuzz_live.py`."""
    for quantize in ("none", "float16", "int8"):
        shutil.copy(random_artifact(quantize=quantize), tmp_path)
        write_every_operator(tmp_path / f"every_{quantize}.tflite", quantize)
    found = fuzz(tmp_path, first=0, count=1000)
    assert not found.deaths and not found.errors, found
    assert found.counts.total() == 1000
    assert {name.split()[1] for name in found.counts} == {"ran", "refused"}


def test_the_same_seed_gives_the_same_mutation():
    content = model_bytes(random_artifact())
    for mutate in MUTATIONS.values():
        one, other = (mutate(content, random.Random(3)) for _ in "01")
        assert one == other
