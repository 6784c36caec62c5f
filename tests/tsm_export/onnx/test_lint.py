import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tsm_export.onnx.lint import onnx_lint


def _model(nodes, shape=(1, 2, 4, 4)):
    def end(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "graph",
        [end("frame"), end("cache_00")],
        [end("logits"), end("cache_00_out")],
        [
            onnx.numpy_helper.from_array(np.ones(2, np.float32), name)
            for name in ("scale", "bias", "mean", "variance")
        ],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


_RELU = helper.make_node("Relu", ["frame"], ["logits"])
_CACHE = helper.make_node("Relu", ["cache_00"], ["cache_00_out"])


def test_a_clean_model_passes():
    assert onnx_lint(_model([_RELU, _CACHE]).SerializeToString()) == []


@pytest.mark.parametrize(
    ("nodes", "shape", "message"),
    [
        (
            [
                helper.make_node(
                    "BatchNormalization",
                    ["frame", "scale", "bias", "mean", "variance"],
                    ["logits"],
                ),
                _CACHE,
            ],
            (1, 2, 4, 4),
            "1 BatchNormalization not folded",
        ),
        (
            [
                helper.make_node("Identity", ["cache_00"], ["cache_00_out"]),
                _RELU,
            ],
            (1, 2, 4, 4),
            "cache_00 is passed through",
        ),
        ([_RELU, _CACHE], ("N", 2, 4, 4), "frame has no static shape"),
        ([_RELU, _CACHE], (1, 1, 2, 4, 4), "frame has 5 axes"),
        ([_RELU], (1, 2, 4, 4), "It breaks ONNX's own rules"),
    ],
)
def test_findings(nodes, shape, message):
    problems = onnx_lint(_model(nodes, shape).SerializeToString())
    assert any(message in problem for problem in problems), problems
