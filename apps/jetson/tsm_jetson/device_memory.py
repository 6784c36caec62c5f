"""DeviceMemory: manages CUDA buffers and a stream with NVIDIA's bindings.

This code has never been run, because the project has no Jetson.
"""

import weakref
from typing import Any

import numpy as np


class DeviceMemory:
    """Allocates buffers on the current GPU and frees them when it is deleted.

    Attributes:
        stream: A CUDA stream, as an integer.

    Raises:
        ImportError: If the bindings are not installed.
        RuntimeError: If CUDA reports an error. All methods raise it too.
    """

    def __init__(self):
        try:
            from cuda.bindings import runtime
        except ImportError as error:
            raise ImportError(
                "TensorRT needs CUDA's bindings, which are not installed: "
                'pip install "tsm-jetson[tensorrt]"'
            ) from error
        self._cuda = runtime
        self._pointers: list[int] = []
        self.stream = int(self._call("cudaStreamCreate"))
        weakref.finalize(self, _free, runtime, self.stream, self._pointers)

    @property
    def device(self) -> str:
        """The name and the compute capability of the GPU."""
        number = self._call("cudaGetDevice")
        found = self._call("cudaGetDeviceProperties", number)
        name = found.name
        if isinstance(name, bytes):
            name = name.decode(errors="replace").rstrip("\0")
        return f"{name} {found.major}.{found.minor}"

    def allocate(self, nbytes: int) -> int:
        """Returns the address of a new buffer of zeros."""
        pointer = int(self._call("cudaMalloc", nbytes))
        self._pointers.append(pointer)
        self.clear(pointer, nbytes)
        return pointer

    def clear(self, pointer: int, nbytes: int) -> None:
        """Queues setting a buffer to zero in the stream."""
        self._call("cudaMemsetAsync", pointer, 0, nbytes, self.stream)

    def upload(self, pointer: int, values: np.ndarray) -> None:
        """Queues copying a contiguous array to a buffer in the stream."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(pointer, values.ctypes.data, values.nbytes, kind)

    def download(self, values: np.ndarray, pointer: int) -> None:
        """Copies a buffer to a contiguous array and waits for the stream."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(values.ctypes.data, pointer, values.nbytes, kind)
        self._call("cudaStreamSynchronize", self.stream)

    def _copy(self, to, source, nbytes, kind):
        self._call("cudaMemcpyAsync", to, source, nbytes, kind, self.stream)

    def _call(self, name: str, *arguments: Any) -> Any:
        error, *results = getattr(self._cuda, name)(*arguments)
        if error != self._cuda.cudaError_t.cudaSuccess:
            raise RuntimeError(f"{name} failed: {error}")
        return results[0] if results else None


def _free(cuda, stream, pointers):
    cuda.cudaStreamSynchronize(stream)
    for pointer in pointers:
        cuda.cudaFree(pointer)
    cuda.cudaStreamDestroy(stream)
