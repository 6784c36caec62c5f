"""Cases for numbers: from real values to integers and back."""

from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_live.artifact.quantization import as_logits, dequantize, quantize
from tsm_live.artifact.tensors import HEAD_ROLES, TensorSpec


def quantize_case(
    name: str, tensor: TensorSpec, values: np.ndarray
) -> dict[str, Any]:
    """Returns the integers of real values, which are float32."""
    return {
        "kind": "quantize",
        "name": name,
        "tensor": tensor.to_dict(),
        "values": encode_array(values.astype(np.float32)),
        "numbers": encode_array(quantize(values, tensor)),
    }


def dequantize_case(
    name: str, tensor: TensorSpec, numbers: np.ndarray
) -> dict[str, Any]:
    """Returns the real values of numbers and, for a head, the logits."""
    case = {
        "kind": "dequantize",
        "name": name,
        "tensor": tensor.to_dict(),
        "numbers": encode_array(numbers),
        "values": encode_array(dequantize(numbers, tensor)),
    }
    if tensor.role in HEAD_ROLES:
        case["logits"] = encode_array(as_logits(numbers, tensor))
    return case
