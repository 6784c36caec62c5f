"""CompiledNetwork: runs a network in a `CompiledModel` of LiteRT.

It swaps the caches instead of copying them. On the GPU it is the only way to
run a network; on the CPU `open_network` takes it for large caches.

A GPU driver may crash the process. `open_network` therefore tries a model in a
child process first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec
from tsm_live.runtimes.interpreter_network import (
    load_interpreter,
    signature_details,
    tensor_specs,
)
from tsm_live.runtimes.network import (
    AcceleratorError,
    check_tensors,
    check_threads,
)

_WAYS = ("inputs", "outputs")


def _compile(
    model: bytes, accelerator: str, threads: int, enforce_float32: bool
) -> Any:
    """Returns a `CompiledModel` of LiteRT that runs on the CPU or the GPU only.

    Raises:
        AcceleratorError: If LiteRT is too old, or the GPU cannot run the whole
            model.
        RuntimeError: If the CPU cannot run the model.
    """
    try:
        from ai_edge_litert.compiled_model import (
            CompiledModel,
            CpuOptions,
            GpuOptions,
            HardwareAccelerator,
            Options,
        )
    except ImportError as error:
        raise AcceleratorError(
            "`CompiledModel` with options, which the GPU needs, comes with "
            'LiteRT 2.1.5 or later: pip install "ai-edge-litert>=2.1.5"'
        ) from error
    hardware = {"cpu": HardwareAccelerator.CPU, "gpu": HardwareAccelerator.GPU}
    options = Options(
        hardware_accelerators=hardware[accelerator],
        cpu_options=CpuOptions(num_threads=threads),
        gpu_options=GpuOptions(enforce_f32=enforce_float32),
    )
    try:
        compiled = CompiledModel.from_buffer(model, options=options)
    except RuntimeError as error:
        if accelerator == "cpu":
            raise
        raise AcceleratorError(
            "The GPU accelerator cannot run the model. Check whether there is "
            "a GPU with a driver (on Linux: Vulkan, see `vulkaninfo`)."
        ) from error
    if accelerator == "gpu" and not compiled.is_fully_accelerated():
        raise AcceleratorError(
            "The GPU accelerator cannot run all of the model."
        )
    return compiled


class CompiledNetwork:
    """Runs a `.tflite` artifact in a `CompiledModel` and keeps its caches.

    There are two sets of buffers for the caches. A step reads one set and
    writes the other, and then they swap, so that caches are never copied.

    Args:
        spec: The spec of an artifact.
        model: The bytes of its model.
        accelerator: `"cpu"` or `"gpu"`.
        threads: The number of threads on the CPU.
        enforce_float32: Compute in float32 on the GPU; the default is float16.

    Raises:
        ValueError: If `threads` is not an integer from 1 to 256.
        ArtifactError: If the interpreter of LiteRT cannot load the model, or
            its tensors differ from the spec.
        AcceleratorError: If LiteRT is too old, or the accelerator cannot run
            the whole network.
    """

    def __init__(
        self,
        spec: ArtifactSpec,
        model: bytes,
        *,
        accelerator: str = "cpu",
        threads: int = 1,
        enforce_float32: bool = False,
    ):
        check_threads(threads)
        self.accelerator = accelerator
        # `CompiledModel` does not verify a model, but the interpreter does.
        inputs, outputs = signature_details(load_interpreter(model))
        check_tensors(spec.inputs, tensor_specs(inputs))
        check_tensors(spec.outputs, tensor_specs(outputs))
        self._content = model  # LiteRT does not copy it.
        self._spec = spec
        try:
            self._model = _compile(model, accelerator, threads, enforce_float32)
            self._create_buffers()
            self.write_state([zero_state(cache) for cache in spec.caches])
            self.run()  # Some errors appear only in a run.
        except RuntimeError as error:
            raise AcceleratorError(
                f"`CompiledModel` cannot run the model on the {accelerator}: "
                f"{error}"
            ) from error
        self._current = 0  # The set that was read is still zero.

    def _create_buffers(self):
        spec = self._spec
        ((signature, names),) = self._model.get_signature_list().items()

        def buffer(name):
            return self._model.create_input_buffer_by_name(signature, name)

        self._fed = {tensor.name: buffer(tensor.name) for tensor in spec.fed}
        self._host = [zero_state(tensor) for tensor in spec.fed]
        self._results = [
            self._model.create_output_buffer_by_name(signature, result.name)
            for result in spec.results
        ]
        self._sets = [
            [buffer(cache.name) for cache in spec.caches] for _ in range(2)
        ]
        self._turns = [
            self._turn(names, *sets) for sets in (self._sets, self._sets[::-1])
        ]
        self._current = 0

    def _turn(self, names, read, written):
        """Returns the buffers for a step in the order of the signature."""
        tensors = dict(self._fed)
        for result, buffer in zip(
            self._spec.results, self._results, strict=True
        ):
            tensors[result.name] = buffer
        for cache, old, new in zip(
            self._spec.caches, read, written, strict=True
        ):
            tensors |= {cache.name: old, cache.fed_by: new}
        return [[tensors[name] for name in names[way]] for way in _WAYS]

    def frame(self) -> np.ndarray:
        """Returns the memory that the next `run` copies to its input buffer."""
        return self._host[0]

    def valid(self) -> np.ndarray:
        """Returns the memory of `spec.valid`; see `Network`."""
        return self._host[1]

    def run(self) -> list[np.ndarray]:
        """Takes the next frame of every stream, or a clip; see `Network`."""
        for buffer, numbers in zip(self._fed.values(), self._host, strict=True):
            buffer.write(numbers)
        self._model.run_by_index(0, *self._turns[self._current])
        self._current = 1 - self._current
        return _read(self._results, self._spec.results)

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        return _read(self._sets[self._current], self._spec.caches)

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for buffer, value in zip(self._sets[self._current], state, strict=True):
            buffer.write(np.ascontiguousarray(value))


def _read(buffers: Sequence[Any], tensors: Sequence[TensorSpec]):
    """Returns copies of the values of tensors in buffers."""
    return [
        buffer.read(int(np.prod(t.shape)), np.dtype(t.dtype)).reshape(t.shape)
        for buffer, t in zip(buffers, tensors, strict=True)
    ]
