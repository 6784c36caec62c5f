"""to_float16, to_int8: an ONNX model in fewer bits."""

import pathlib
import tempfile
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tsm_export.calibration import Feeds
from tsm_export.onnx.quiet import quiet

if TYPE_CHECKING:
    import onnx

# What is stored in how many bits.
ONNX_QUANTIZATIONS = {
    "none": "weights and activations in float32",
    "float16": "weights, activations and caches in float16",
    "int8": "weights in int8, activations in uint8, for ONNX Runtime on a CPU",
    "int8_tensorrt": "weights and activations in int8 around zero, which is "
    "what TensorRT takes",
}


def to_float16(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Returns a model that computes in float16.

    The caches are float16 too: cast at the boundary they would be read and
    written twice a frame. Images and logits keep their type.
    """
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    ends = [*model.graph.input, *model.graph.output]
    with warnings.catch_warnings():
        # That weights below 6e-8 become 6e-8.
        warnings.simplefilter("ignore")
        converted = convert_float_to_float16(
            model,
            keep_io_types=[
                end.name for end in ends if not end.name.startswith("cache_")
            ],
        )
    # It appends its casts; ONNX wants nodes in the order of computation.
    sorter = ONNXModel(converted)
    sorter.topological_sort()
    return sorter.model


def to_int8(
    model: "onnx.ModelProto", quantize: str, feeds: Feeds
) -> "onnx.ModelProto":
    """Returns a model with quantize and dequantize nodes (QDQ).

    Weights are quantized by channel. Images, caches and logits stay float at
    the boundary, so a cache is fed back as it came out, and an empty one is 0.

    Args:
        model: From `convert_onnx`.
        quantize: `"int8"` or `"int8_tensorrt"`, see `ONNX_QUANTIZATIONS`.
        feeds: Inputs of the network in NHWC, to measure ranges on.
    """
    import onnx
    from onnxruntime import quantization

    # A runtime rounds a bias to its own steps, or leaves it.
    extra: dict[str, Any] = {"QuantizeBias": False}
    if quantize == "int8":
        # Ranges that start at zero, as behind a ReLU, lose no bit and need no
        # ReLU. All that carries images from convolution to convolution is
        # uint8, but for the shift, which is free either way and exact so.
        options = {
            "activation_type": quantization.QuantType.QUInt8,
            "op_types_to_quantize": [
                "Add",
                "Clip",
                "Conv",
                "Gemm",
                "GlobalAveragePool",
                "MaxPool",
                "Relu",
                "Squeeze",
            ],
            "nodes_to_exclude": _normalization(model),
        }
    else:
        # TensorRT fuses an activation, a sum and the next quantization into
        # the convolution before it: nothing may stand between them. Its zero
        # point is 0.
        heavy = ["Conv", "Gemm"]
        options = {
            "activation_type": quantization.QuantType.QInt8,
            "op_types_to_quantize": heavy,
        }
        extra |= {
            "ActivationSymmetric": True,
            "OpTypesToExcludeOutputQuantization": heavy,
        }

    # It advises to fold constants first, which was done.
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = pathlib.Path(folder) / "quantized.onnx"
        quantization.quantize_static(
            model,
            path,
            _Reader(as_fed(model, feed) for feed in feeds),
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            extra_options=extra,
            **options,
        )
        return onnx.load(path)


def as_fed(
    model: "onnx.ModelProto", feed: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns a Keras network's inputs as its ONNX model takes them.

    Args:
        model: From `convert_onnx`, in whatever precision.
        feed: Real values, NHWC.
    """
    from onnx import helper

    return {
        end.name: np.ascontiguousarray(
            feed[end.name].transpose(0, 3, 1, 2),
            helper.tensor_dtype_to_np_dtype(end.type.tensor_type.elem_type),
        )
        for end in model.graph.input
    }


class _Reader:
    """What ONNX Runtime's calibration reads; its base class is optional."""

    def __init__(self, feeds: Iterator[dict[str, np.ndarray]]):
        self._feeds = feeds

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Returns the next inputs, None at the end."""
        return next(self._feeds, None)


def _normalization(model):
    """Names the nodes between the images and the first convolution."""
    names, reached = [], {model.graph.input[0].name}
    for node in model.graph.node:
        if reached & set(node.input) and node.op_type != "Conv":
            names.append(node.name)
            reached |= set(node.output)
    return names
