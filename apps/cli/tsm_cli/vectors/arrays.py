"""Arrays of test vectors, written as JSON objects."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np


def encode_array(array: np.ndarray) -> dict[str, Any]:
    """Returns a JSON object with the type, the shape and the values.

    The values are in C order and little-endian, in Base64.
    """
    array = np.ascontiguousarray(array)
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "data": base64.b64encode(data).decode("ascii"),
    }


def decode_array(fields: Mapping[str, Any]) -> np.ndarray:
    """Returns the array of a JSON object of `encode_array`."""
    dtype = np.dtype(fields["dtype"]).newbyteorder("<")
    array = np.frombuffer(base64.b64decode(fields["data"]), dtype)
    return array.reshape(fields["shape"]).astype(dtype.newbyteorder("="))
