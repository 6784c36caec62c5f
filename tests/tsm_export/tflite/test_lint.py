import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from testing.artifacts import random_artifact
from tsm_export.tflite.lint import lint


@pytest.mark.parametrize(
    ("quantize", "options"),
    [
        ("none", {}),
        ("float16", {}),
        ("dynamic", {}),
        ("int8", {}),
        ("int8", {"streams": 2, "input_dtype": "uint8", "softmax": True}),
    ],
)
def test_nothing_is_wrong_with_our_artifacts(quantize, options):
    assert not lint(random_artifact(quantize=quantize, **options).read_bytes())


def _changed(change):
    """Returns an int8 artifact after `change(model, graph, ends)`."""
    content = random_artifact(quantize="int8").read_bytes()
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    ends = {
        entry.name.decode(): entry
        for entry in (*signature.inputs, *signature.outputs)
    }
    change(model, graph, ends)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(graph, ends, name="cache_03"):
    return graph.tensors[ends[name].tensorIndex]


def _forbidden_op(model, graph, ends):
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUMSUM


def _fifth_axis(model, graph, ends):
    graph.tensors[5].shape = np.array([1, 1, 1, 1, 1])


def _open_shape(model, graph, ends):
    _tensor(graph, ends).shapeSignature = np.array([-1, 4, 4, 4])


def _variable(model, graph, ends):
    graph.tensors[5].isVariable = True


def _passed_through(model, graph, ends):
    out = ends["cache_03_out"]
    graph.outputs = [
        ends["cache_03"].tensorIndex if index == out.tensorIndex else index
        for index in graph.outputs
    ]
    out.tensorIndex = ends["cache_03"].tensorIndex


def _untied(model, graph, ends):
    _tensor(graph, ends, "cache_03_out").quantization.scale[0] *= 1.001


def _converted(model, graph, ends):
    """Requantizes one cache between the boundary and the network."""
    inner = _tensor(graph, ends)
    outer = schema.TensorT()
    outer.name, outer.shape, outer.type = b"outer", inner.shape, inner.type
    outer.quantization = inner.quantization
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes)
    operator.inputs = [len(graph.tensors)]
    operator.outputs = [ends["cache_03"].tensorIndex]
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.QUANTIZE
    code.deprecatedBuiltinCode = code.builtinCode
    model.operatorCodes.append(code)
    graph.operators.insert(0, operator)
    ends["cache_03"].tensorIndex = len(graph.tensors)
    graph.tensors.append(outer)


def _lost(model, graph, ends):
    ends["cache_03_out"].name = b"state"


def _second_graph(model, graph, ends):
    model.subgraphs.append(graph)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_forbidden_op, "op CUMSUM"),
        (_fifth_axis, "more than 4 axes"),
        (_open_shape, "no static shape"),
        (_variable, "is a variable"),
        (_passed_through, "passed through"),
        (_untied, "cache_03 and cache_03_out differ"),
        (_converted, "cache_03 is converted by QUANTIZE"),
        (_lost, "no output cache_03_out"),
        (_second_graph, "one graph"),
    ],
)
def test_what_is_wrong_is_found(change, message):
    problems = lint(_changed(change))
    assert any(message in problem for problem in problems), problems


def test_a_file_that_is_written_again_is_as_good():
    assert not lint(_changed(lambda *_: None))
