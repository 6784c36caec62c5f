"""GpuNetwork: a network in LiteRT's GPU accelerator.

    python -m tsm_live.runtimes.gpu_network FILE

tries a file: a driver that crashes does so in a process of its own. It prints
`refused: ` and why, on one line, if the GPU does not take the file.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec
from tsm_live.runtimes.interpreter_network import (
    load_interpreter,
    signature_details,
    tensor_specs,
)
from tsm_live.runtimes.network import check_tensors
from tsm_live.runtimes.own_process import ProcessError, run_module

_PATIENCE = 120.0  # Seconds; to compile a large network's shaders takes some.

_REFUSED = "refused: "
_WAYS = ("inputs", "outputs")


class AcceleratorError(OSError):
    """An accelerator that is not there, or does not take a whole network."""


def open_gpu_model(
    path: str | os.PathLike, *, enforce_float32: bool = False
) -> Any:
    """Loads a `.tflite` file on the GPU, with nothing left to the CPU.

    A driver may end the process: see `try_gpu`.

    Args:
        path: The file.
        enforce_float32: Compute in float32; the default is float16.

    Returns:
        A `CompiledModel` of LiteRT.

    Raises:
        ArtifactError: If LiteRT cannot load it on the CPU either.
        AcceleratorError: If there is no GPU, or it leaves out a part.
    """
    try:
        from ai_edge_litert import compiled_model as litert
    except ImportError as error:
        raise AcceleratorError(
            "The GPU accelerator needs LiteRT 2: pip install "
            '"ai-edge-litert>=2"'
        ) from error
    # Unlike the interpreter, `CompiledModel` does not verify what it loads.
    load_interpreter(path)
    options = litert.Options(
        hardware_accelerators=litert.HardwareAccelerator.GPU,
        gpu_options=litert.GpuOptions(enforce_f32=enforce_float32),
    )
    try:
        model = litert.CompiledModel.from_file(os.fspath(path), options=options)
    except RuntimeError as error:
        raise AcceleratorError(
            f"The GPU accelerator cannot run {os.fspath(path)}; is there a GPU "
            "with a driver (on Linux Vulkan, `vulkaninfo` tells)?"
        ) from error
    if not model.is_fully_accelerated():
        raise AcceleratorError(
            f"The GPU accelerator leaves a part of {os.fspath(path)} to the "
            "CPU."
        )
    return model


def try_gpu(
    path: str | os.PathLike, *, environment: Mapping[str, str] | None = None
) -> None:
    """Runs a `.tflite` file on the GPU once, in a process of its own.

    Args:
        path: The file.
        environment: Variables to set for the process.

    Raises:
        AcceleratorError: If this did not work, or not within two minutes.
    """
    try:
        printed = run_module(
            "tsm_live.runtimes.gpu_network",
            os.fspath(path),
            environment=environment,
            timeout=_PATIENCE,
        )
    except ProcessError as error:
        raise AcceleratorError(
            f"The process that tried {os.fspath(path)} on the GPU {error}"
        ) from error
    # LiteRT, too, has something to say there.
    for line in printed.splitlines():
        if line.startswith(_REFUSED):
            raise AcceleratorError(line.removeprefix(_REFUSED))


class GpuNetwork:
    """Runs a `.tflite` artifact on the GPU; keeps its caches there.

    They lie in two sets of buffers: a step reads one and writes the other, and
    then they change roles, so that caches are never copied.

    Args:
        path: The file.
        spec: Its spec.
        enforce_float32: As for `open_gpu_model`.

    Raises:
        ArtifactError: If the tensors are not those that the spec describes.
        AcceleratorError: As `open_gpu_model`.
    """

    accelerator = "gpu"

    def __init__(
        self,
        path: str | os.PathLike,
        spec: ArtifactSpec,
        *,
        enforce_float32: bool = False,
    ):
        inputs, outputs = signature_details(load_interpreter(path))
        check_tensors(spec.inputs, tensor_specs(inputs))
        check_tensors(spec.outputs, tensor_specs(outputs))
        self._model = open_gpu_model(path, enforce_float32=enforce_float32)
        ((signature, names),) = self._model.get_signature_list().items()
        self._spec = spec

        def buffer(name):
            return self._model.create_input_buffer_by_name(signature, name)

        self._frame = buffer(spec.frame.name)
        self._host_frame = zero_state(spec.frame)
        self._logits = self._model.create_output_buffer_by_name(
            signature, spec.logits.name
        )
        self._sets = [
            [buffer(cache.name) for cache in spec.caches] for _ in range(2)
        ]
        self._turns = [
            self._turn(names, *sets) for sets in (self._sets, self._sets[::-1])
        ]
        self._current = 0
        self.write_state([zero_state(cache) for cache in spec.caches])

    def _turn(self, names, read, written):
        """Returns the inputs and outputs of a step in the signature's order."""
        tensors = {
            self._spec.frame.name: self._frame,
            self._spec.logits.name: self._logits,
        }
        for cache, old, new in zip(
            self._spec.caches, read, written, strict=True
        ):
            tensors |= {cache.name: old, cache.fed_by: new}
        return [[tensors[name] for name in names[way]] for way in _WAYS]

    def frame(self) -> np.ndarray:
        """Returns what is written to the GPU at the next `run`."""
        return self._host_frame

    def run(self) -> np.ndarray:
        """Takes the next frame of every stream; see `Network`."""
        self._frame.write(self._host_frame)
        self._model.run_by_index(0, *self._turns[self._current])
        self._current = 1 - self._current
        return _read(self._logits, self._spec.logits)

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        return [
            _read(buffer, cache)
            for buffer, cache in zip(
                self._sets[self._current], self._spec.caches, strict=True
            )
        ]

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for buffer, value in zip(self._sets[self._current], state, strict=True):
            buffer.write(np.ascontiguousarray(value))


def _read(buffer: Any, spec: TensorSpec) -> np.ndarray:
    count = int(np.prod(spec.shape))
    return buffer.read(count, np.dtype(spec.dtype)).reshape(spec.shape)


def _main(path):
    try:
        model = open_gpu_model(path)
    except (AcceleratorError, ValueError) as error:
        print(_REFUSED + " ".join(str(error).split()), flush=True)
        return
    buffers = model.create_input_buffers(0), model.create_output_buffers(0)
    model.run_by_index(0, *buffers)


if __name__ == "__main__":
    _main(*sys.argv[1:])
