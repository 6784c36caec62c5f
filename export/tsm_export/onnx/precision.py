"""to_float16, to_int8: convert an ONNX model to a lower precision."""

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

# The quantizations of .onnx files, with the text for the help.
ONNX_QUANTIZATIONS = {
    "none": "weights and activations in float32",
    "float16": "weights, activations and caches in float16",
    "int8": "weights in int8, activations in uint8, for ONNX Runtime on a CPU",
    "int8_tensorrt": "weights and activations in int8 around zero, which is "
    "what TensorRT takes",
}


def to_float16(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Converts a model to float16.

    The caches become float16 too, because a cast would read and write them a
    second time in each frame. Images and logits keep their type.
    """
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    ends = [*model.graph.input, *model.graph.output]
    with warnings.catch_warnings():
        # It warns that weights below 6e-8 become 6e-8.
        warnings.simplefilter("ignore")
        converted = convert_float_to_float16(
            model,
            keep_io_types=[
                end.name for end in ends if not end.name.startswith("cache_")
            ],
        )
    # The casts are at the end, but ONNX requires the order of computation.
    sorter = ONNXModel(converted)
    sorter.topological_sort()
    return sorter.model


def to_int8(
    model: "onnx.ModelProto", quantize: str, feeds: Feeds
) -> "onnx.ModelProto":
    """Quantizes a model with quantize and dequantize nodes (QDQ).

    Weights are quantized per channel. Images, caches and logits stay float, so
    that an empty cache is 0.

    Args:
        model: A model from `convert_onnx`.
        quantize: `"int8"` or `"int8_tensorrt"`, see `ONNX_QUANTIZATIONS`.
        feeds: The inputs of the network in NHWC on which to measure ranges.
    """
    import onnx
    from onnxruntime import quantization

    # Biases stay float; a runtime may quantize them itself.
    extra: dict[str, Any] = {"QuantizeBias": False}
    if quantize == "int8":
        # uint8 uses all 8 bits for ranges that start at zero, as after a ReLU,
        # and makes the ReLU itself unnecessary. All ops between convolutions
        # are quantized except the shift, which only moves values.
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
        # the convolution before them, if no other node is between them. Its
        # zero point is 0.
        heavy = ["Conv", "Gemm"]
        options = {
            "activation_type": quantization.QuantType.QInt8,
            "op_types_to_quantize": heavy,
        }
        extra |= {
            "ActivationSymmetric": True,
            "OpTypesToExcludeOutputQuantization": heavy,
        }

    # `quiet` hides the advice to fold constants, which is already done.
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
    """Converts the inputs of a Keras network for its ONNX model.

    Args:
        model: A model from `convert_onnx`, in any precision.
        feed: The real values in NHWC, by name.
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
    """Gives the inputs to ONNX Runtime's calibration."""

    def __init__(self, feeds: Iterator[dict[str, np.ndarray]]):
        self._feeds = feeds

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Returns the next inputs; None at the end."""
        return next(self._feeds, None)


def _normalization(model):
    """Names the nodes between the images and the first convolution."""
    names, reached = [], {model.graph.input[0].name}
    for node in model.graph.node:
        if reached & set(node.input) and node.op_type != "Conv":
            names.append(node.name)
            reached |= set(node.output)
    return names
