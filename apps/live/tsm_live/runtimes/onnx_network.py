"""OnnxNetwork: runs a network in ONNX Runtime and keeps its caches."""

import json
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec
from tsm_live.runtimes.network import check_tensors, check_threads

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
}


def load_onnx(
    model: bytes,
    *,
    threads: int = 1,
    providers: Sequence[str] | None = None,
    profile: str | os.PathLike | None = None,
) -> Any:
    """Returns an `onnxruntime.InferenceSession`.

    Args:
        model: The bytes of an ONNX model.
        threads: The number of threads on the CPU.
        providers: The names of ONNX Runtime's execution providers, in order of
            preference; None for the CPU.
        profile: A folder for a profile of all steps up to `end_profiling`, or
            None.

    Raises:
        ImportError: If ONNX Runtime is not installed.
        ValueError: If `threads` is not an integer from 1 to 256.
        ArtifactError: If ONNX Runtime cannot load the model.
    """
    check_threads(threads)
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            ".onnx files need ONNX Runtime, which is not installed: pip "
            'install "tsm-live[onnx]", or "tsm-keras[onnx]" with tsm-keras.'
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # Errors.
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = os.path.join(profile, "profile")
    try:
        return onnxruntime.InferenceSession(
            model, options, providers=list(providers or [_CPU])
        )
    # The exceptions of ONNX Runtime share no base class of their own.
    except Exception as error:
        raise ArtifactError(
            f"ONNX Runtime cannot load the model: {error}"
        ) from error


def onnx_tensor_specs(session: Any) -> dict[str, TensorSpec]:
    """Returns the inputs and outputs of an `InferenceSession`, by name."""
    return {
        tensor.name: TensorSpec(
            name=tensor.name,
            shape=tuple(tensor.shape),
            dtype=_DTYPES.get(tensor.type, tensor.type),
            # A uint8 pixel has the scale 1.
            scale=1.0 if tensor.type == "tensor(uint8)" else 0.0,
        )
        for tensor in (*session.get_inputs(), *session.get_outputs())
    }


class OnnxNetwork:
    """Runs an ONNX artifact and keeps its caches in two sets of buffers.

    A step reads one set and writes the other, and then they swap, so that
    caches are never copied and never leave the GPU.

    Args:
        spec: The spec of an artifact.
        model: The bytes of its model.
        threads: The number of threads on the CPU.
        providers: The names of ONNX Runtime's execution providers, in order of
            preference; None for the CPU. (Only the CPU has been tested.)

    Attributes:
        accelerator: `"cpu"`, `"cuda"`, or `"cuda and cpu"` if each of them ran
            a part of the first step.

    Raises:
        ImportError: If ONNX Runtime is not installed.
        ArtifactError: If ONNX Runtime cannot load or run the model, or its
            tensors differ from the spec.
    """

    def __init__(
        self,
        spec: ArtifactSpec,
        model: bytes,
        *,
        threads: int = 1,
        providers: Sequence[str] | None = None,
    ):
        with tempfile.TemporaryDirectory() as folder:
            # ONNX Runtime may run a network on the CPU although CUDA is
            # available. Only a profile shows that.
            profiled = _CUDA in (providers or ())
            self._session = load_onnx(
                model,
                threads=threads,
                providers=providers,
                profile=folder if profiled else None,
            )
            check_tensors(spec.tensors, onnx_tensor_specs(self._session))
            self._bind(spec)
            try:
                self.run()  # Some errors appear only in a run.
            # The exceptions of ONNX Runtime share no base class of their own.
            except Exception as error:
                raise ArtifactError(
                    f"ONNX Runtime cannot run the model: {error}"
                ) from error
            self._turn = 0  # The set that was read is still zero.
            self.accelerator = "cpu"
            if profiled:
                self.accelerator = executors(self._session.end_profiling())

    def _bind(self, spec):
        from onnxruntime import OrtValue

        has_cuda = _CUDA in self._session.get_providers()
        device = "cuda" if has_cuda else "cpu"

        def buffer(tensor):
            return OrtValue.ortvalue_from_numpy(zero_state(tensor), device)

        self._host = [zero_state(tensor) for tensor in spec.fed]
        self._fed = [buffer(tensor) for tensor in spec.fed]
        self._results = [buffer(result) for result in spec.results]
        self._sets = [[buffer(cache) for cache in spec.caches] for _ in "01"]
        self._turns = []
        for read, written in (self._sets, self._sets[::-1]):
            turn = self._session.io_binding()
            for tensor, value in zip(spec.fed, self._fed, strict=True):
                turn.bind_ortvalue_input(tensor.name, value)
            for result, value in zip(spec.results, self._results, strict=True):
                turn.bind_ortvalue_output(result.name, value)
            for cache, old, new in zip(spec.caches, read, written, strict=True):
                turn.bind_ortvalue_input(cache.name, old)
                turn.bind_ortvalue_output(cache.fed_by, new)
            self._turns.append(turn)
        self._turn = 0

    def frame(self) -> np.ndarray:
        """Returns the memory that the next `run` copies to the runtime."""
        return self._host[0]

    def valid(self) -> np.ndarray:
        """Returns the memory of `spec.valid`; see `Network`."""
        return self._host[1]

    def run(self) -> list[np.ndarray]:
        """Takes the next frame of every stream, or a clip; see `Network`."""
        for value, numbers in zip(self._fed, self._host, strict=True):
            value.update_inplace(numbers)
        self._session.run_with_iobinding(self._turns[self._turn])
        self._turn = 1 - self._turn
        return [result.numpy().copy() for result in self._results]

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        return [cache.numpy().copy() for cache in self._sets[self._turn]]

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for cache, value in zip(self._sets[self._turn], state, strict=True):
            cache.update_inplace(np.ascontiguousarray(value))


def executors(profile: str | os.PathLike) -> str:
    """Returns the names of the devices in a profile of ONNX Runtime."""
    events = json.loads(pathlib.Path(profile).read_text("utf-8"))
    found = {event.get("args", {}).get("provider") for event in events}
    names = {"cuda": _CUDA, "cpu": _CPU}
    return " and ".join(name for name, kind in names.items() if kind in found)
