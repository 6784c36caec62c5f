"""put_in_order: ops and tensors stand where they serve streaming best."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from testing.artifacts import random_artifact
from tsm_export.tflite.flatbuffer import pack, unpack
from tsm_export.tflite.layout import put_in_order


def _late(content):
    """Returns a file as the converter writes it.

    The ops of all outputs are last, and inputs are in no order.
    """
    model = unpack(content)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    signature.inputs.reverse()
    graph.inputs = list(graph.inputs)[::-1]
    outputs = set(graph.outputs)

    def lateness(operator):
        last = outputs.issuperset(operator.outputs)
        return -operator.outputs[0] if last else -np.inf

    graph.operators.sort(key=lateness)
    return pack(model)


def _in_order(content):
    model = unpack(content)
    put_in_order(model)
    return pack(model)


def _distances(content):
    """Returns how many ops are between each output's op and its inputs'."""
    (graph,) = unpack(content).subgraphs
    source = {
        tensor: index
        for index, operator in enumerate(graph.operators)
        for tensor in operator.outputs
    }
    return {
        name: source[name]
        - max(
            source.get(tensor, -1)
            for tensor in graph.operators[source[name]].inputs
        )
        for name in graph.outputs
    }


def _run(content):
    interpreter = Interpreter(model_content=content)
    runner = interpreter.get_signature_runner()
    rng = np.random.default_rng(0)
    return runner(
        **{
            name: rng.integers(0, 100, detail["shape"]).astype(detail["dtype"])
            for name, detail in sorted(runner.get_input_details().items())
        }
    )


@pytest.mark.parametrize("quantize", ["none", "float16", "int8"])
def test_a_cache_leaves_right_behind_what_it_is_cut_from(quantize):
    content = random_artifact(quantize=quantize).read_bytes()
    late = _late(content)
    assert max(_distances(late).values()) > 20
    # One tensor may be cut and be the last of the network too.
    assert max(_distances(_in_order(late)).values()) <= 2
    assert max(_distances(content).values()) <= 2


def test_the_numbers_stay():
    content = random_artifact().read_bytes()
    late = _late(content)
    expected, found = _run(late), _run(_in_order(late))
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
        assert np.ptp(values) > 0, name


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quantize": "int8", "streams": 2},
        {"quantize": "int8", "input_dtype": "uint8"},
        {"input_dtype": "uint8"},
    ],
)
def test_inputs_and_outputs_are_in_the_order_of_their_names(options):
    (graph,) = unpack(
        content := random_artifact(**options).read_bytes()
    ).subgraphs
    (signature,) = unpack(content).signatureDefs
    inputs = [entry.name.decode() for entry in signature.inputs]
    outputs = [entry.name.decode() for entry in signature.outputs]
    caches = [f"cache_{k:02d}" for k in range(10)]
    assert inputs == ["frame", *caches]
    assert outputs == ["logits", *(f"{name}_out" for name in caches)]
    assert list(graph.inputs) == list(range(11))
    last = len(graph.tensors)
    assert list(graph.outputs) == list(range(last - 11, last))


@pytest.mark.parametrize("options", [{}, {"quantize": "int8"}])
def test_pixels_are_normalised_a_row_at_a_time(options):
    """LiteRT calls its kernel once for all that a constant covers."""
    (graph,) = unpack(random_artifact(**options).read_bytes()).subgraphs
    frame = graph.tensors[0].shape
    for operator in graph.operators[:2]:
        constants = [graph.tensors[index] for index in operator.inputs]
        (constant,) = [t for t in constants if list(t.shape) != list(frame)]
        assert list(constant.shape)[-2:] == list(frame)[2:]
