"""The messages between an `IsolatedNetwork` and its child process."""

import json
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from tsm_live.artifact.spec import TensorSpec

# The first bytes of requests and of answers.
RUN, READ_STATE, WRITE_STATE, MEMORY = b"r", b"s", b"w", b"m"
SUCCESS, FAILURE = b"+", b"-"
_LENGTH = 8  # The length of a JSON text is a number of 8 bytes.


def write(pipe: IO[bytes], *parts: bytes | np.ndarray) -> None:
    """Writes bytes and arrays, and flushes the pipe."""
    for part in parts:
        if isinstance(part, np.ndarray):
            numbers = np.ascontiguousarray(part).reshape(-1)
            pipe.write(numbers.view(np.uint8).data)
        else:
            pipe.write(part)
    pipe.flush()


def write_json(pipe: IO[bytes], value: Any) -> None:
    """Writes the length of a JSON text and the text."""
    text = json.dumps(value).encode()
    write(pipe, len(text).to_bytes(_LENGTH, "little"), text)


def read(pipe: IO[bytes], size: int) -> bytes:
    """Reads exactly `size` bytes.

    Raises:
        EOFError: If the other process has ended.
    """
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return content


def read_json(pipe: IO[bytes]) -> Any:
    """Reads a value that `write_json` wrote; raises as `read` does."""
    size = int.from_bytes(read(pipe, _LENGTH), "little")
    return json.loads(read(pipe, size))


def read_arrays(
    pipe: IO[bytes], tensors: Sequence[TensorSpec]
) -> list[np.ndarray]:
    """Reads the values of tensors; raises as `read` does."""
    arrays = [np.empty(tensor.shape, tensor.dtype) for tensor in tensors]
    read_into(pipe, arrays)
    return arrays


def read_into(pipe: IO[bytes], arrays: Sequence[np.ndarray]) -> None:
    """Reads the values of contiguous arrays; raises as `read` does."""
    for array in arrays:
        view = array.reshape(-1).view(np.uint8)
        if pipe.readinto(view.data) < view.nbytes:  # type: ignore[attr-defined]
            raise EOFError
