"""BoundNetwork: an ONNX network in ONNX Runtime that keeps its caches."""

import os
from collections.abc import Sequence

import numpy as np

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.network import check_tensors
from tsm_live.runtimes.onnx_runner import (
    import_onnxruntime,
    load_onnx,
    onnx_tensor_specs,
)

_CUDA = "CUDAExecutionProvider"


class BoundNetwork:
    """Runs an ONNX artifact with its caches in two sets of buffers.

    A step reads one set and writes the other; then they change roles. So
    caches are never copied, and on a GPU never leave it.

    Args:
        path: The `.onnx` file.
        spec: Its spec.
        threads: On the CPU.
        providers: Names of ONNX Runtime's execution providers, first choice
            first; None for the CPU. (This project runs it on the CPU only.)

    Attributes:
        accelerator: `"cpu"` or `"cuda"`.

    Raises:
        ImportError: If ONNX Runtime is not installed.
        ValueError: If it cannot load the file.
        ArtifactError: If the tensors are not those that the spec describes,
            or a first step fails.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        spec: ArtifactSpec,
        *,
        threads: int = 1,
        providers: Sequence[str] | None = None,
    ):
        ort_value = import_onnxruntime().OrtValue
        self._session = load_onnx(path, threads=threads, providers=providers)
        check_tensors(spec.tensors, onnx_tensor_specs(self._session))
        providers = self._session.get_providers()
        self.accelerator = "cuda" if _CUDA in providers else "cpu"

        def buffer(tensor):
            zeros = zero_state(tensor)
            return ort_value.ortvalue_from_numpy(zeros, self.accelerator)

        self._host_frame = zero_state(spec.frame)
        self._frame = buffer(spec.frame)
        self._logits = buffer(spec.logits)
        self._sets = [[buffer(cache) for cache in spec.caches] for _ in "01"]
        self._turns = []
        for read, written in (self._sets, self._sets[::-1]):
            turn = self._session.io_binding()
            turn.bind_ortvalue_input(spec.frame.name, self._frame)
            turn.bind_ortvalue_output(spec.logits.name, self._logits)
            for cache, old, new in zip(spec.caches, read, written, strict=True):
                turn.bind_ortvalue_input(cache.name, old)
                turn.bind_ortvalue_output(cache.fed_by, new)
            self._turns.append(turn)
        self._turn = 0
        try:
            self.run()  # Some of what does not fit is noticed only here.
        # Its exceptions share no base class of their own.
        except Exception as error:
            raise ArtifactError(
                f"ONNX Runtime cannot run {os.fspath(path)}: {error}"
            ) from error
        self._turn = 0  # The caches that were read are still zero.

    def frame(self) -> np.ndarray:
        """Returns what is copied to the runtime at the next `run`."""
        return self._host_frame

    def run(self) -> np.ndarray:
        """Takes the next frame of every stream; see `Network`."""
        self._frame.update_inplace(self._host_frame)
        self._session.run_with_iobinding(self._turns[self._turn])
        self._turn = 1 - self._turn
        return self._logits.numpy().copy()

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        return [cache.numpy().copy() for cache in self._sets[self._turn]]

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for cache, value in zip(self._sets[self._turn], state, strict=True):
            cache.update_inplace(np.ascontiguousarray(value))
