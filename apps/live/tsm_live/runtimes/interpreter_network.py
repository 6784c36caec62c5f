"""InterpreterNetwork: runs a network in LiteRT's interpreter on the CPU."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec
from tsm_live.runtimes.network import check_tensors, check_threads

# Each tensor in LiteRT's memory starts at a multiple of so many bytes
# (`kDefaultTensorAlignment`), so no tensor fits into a smaller gap.
_ALIGNMENT = 64


def load_interpreter(model: bytes, *, threads: int = 1) -> Interpreter:
    """Loads a `.tflite` model on the CPU and allocates its tensors.

    LiteRT does not check a model fully. A malicious one can crash the process;
    see `IsolatedNetwork`.

    Raises:
        ValueError: If `threads` is not an integer from 1 to 256.
        ArtifactError: If LiteRT cannot load the model.
    """
    check_threads(threads)
    try:
        interpreter = Interpreter(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, IndexError) as error:
        raise ArtifactError(f"LiteRT cannot load the model: {error}") from error
    return interpreter


def signature_details(
    interpreter: Interpreter,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Returns the inputs and the outputs of the only signature, by name.

    Raises:
        ArtifactError: If the number of signatures is not one.
    """
    try:
        runner = interpreter.get_signature_runner()
    except ValueError as error:
        raise ArtifactError(
            f"The model does not have one signature: {error}"
        ) from error
    return runner.get_input_details(), runner.get_output_details()


def tensor_specs(details: Mapping[str, Mapping]) -> dict[str, TensorSpec]:
    """Converts LiteRT's descriptions of tensors, by name."""
    return {
        name: TensorSpec(
            name=name,
            shape=tuple(map(int, detail["shape"])),
            dtype=np.dtype(detail["dtype"]).name,
            scale=float(detail["quantization"][0]),
            zero_point=int(detail["quantization"][1]),
        )
        for name, detail in details.items()
    }


class InterpreterNetwork:
    """Runs a `.tflite` artifact on the CPU and keeps its caches.

    After each step the caches are copied from the outputs to the inputs. That
    takes a percent of a step of MobileNetV2, but a tenth of one of X3D-S, which
    has 80 times as large caches. `open_network` takes a `CompiledNetwork` for
    large caches, which swaps them.

    Args:
        spec: The spec of an artifact.
        model: The bytes of its model.
        threads: The number of threads of the interpreter.

    Attributes:
        copies: Pairs of memory (to, from). Copying them feeds the caches back.

    Raises:
        ArtifactError: If LiteRT cannot load or run the model, or its tensors
            differ from the spec.
    """

    accelerator = "cpu"

    def __init__(self, spec: ArtifactSpec, model: bytes, *, threads: int = 1):
        self._interpreter = load_interpreter(model, threads=threads)
        inputs, outputs = signature_details(self._interpreter)
        check_tensors(spec.inputs, tensor_specs(inputs))
        check_tensors(spec.outputs, tensor_specs(outputs))
        # Tensors are addressed by the names in the signature, because other
        # tools may reorder them.
        self._results = [outputs[t.name]["index"] for t in spec.results]
        # A function that returns a view of the tensor's memory. No such view
        # may exist while the interpreter runs.
        self.frame = self._interpreter.tensor(inputs[spec.frame.name]["index"])
        if spec.valid:
            self.valid = self._interpreter.tensor(
                inputs[spec.valid.name]["index"]
            )
        self._caches = [
            self._memory(inputs[cache.name]["index"]) for cache in spec.caches
        ]
        fresh = [
            self._memory(outputs[cache.fed_by]["index"])
            for cache in spec.caches
        ]
        self.copies = neighbours_as_one(self._caches, fresh)
        zeros = [zero_state(cache) for cache in spec.caches]
        self.write_state(zeros)
        try:
            self.run()  # Some errors appear only in a run.
        except RuntimeError as error:
            raise ArtifactError(
                f"LiteRT cannot run the model: {error}"
            ) from error
        self.write_state(zeros)

    def run(self) -> list[np.ndarray]:
        """Takes the next frame of every stream, or a clip; see `Network`."""
        self._interpreter.invoke()
        for fed, fresh in self.copies:
            fed[...] = fresh
        return [self._interpreter.get_tensor(i) for i in self._results]

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        return [cache.copy() for cache in self._caches]

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for cache, value in zip(self._caches, state, strict=True):
            cache[...] = value

    def _memory(self, index):
        """Returns an array on the memory of a tensor, which may be kept.

        Artifacts have static shapes, so LiteRT allocates the tensors once.
        LiteRT's own views would have to be made anew for each step, which
        takes longer than copying a small cache.
        """
        view = self._interpreter.tensor(index)()
        memory = _bytes_at(view.ctypes.data, view.nbytes)
        return memory.view(view.dtype).reshape(view.shape)


def neighbours_as_one(
    fed: Sequence[np.ndarray], fresh: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Merges copies between adjacent arrays into as few copies as possible.

    LiteRT often, but not always, places the caches side by side, in the same
    order for inputs and outputs.

    Args:
        fed: The arrays to copy to.
        fresh: The arrays to copy from, of the same shapes and dtypes.

    Returns:
        Pairs of byte arrays (to, from).
    """
    pieces: list[tuple[int, int, int]] = []
    for target, source, size in sorted(
        (to.ctypes.data, origin.ctypes.data, to.nbytes)
        for to, origin in zip(fed, fresh, strict=True)
    ):
        if pieces:
            start, origin, length = pieces[-1]
            # Neighbours are separated only by padding for alignment.
            gap = target - start - length
            if gap < _ALIGNMENT and source - origin == target - start:
                pieces[-1] = (start, origin, target - start + size)
                continue
        pieces.append((target, source, size))
    return [
        (_bytes_at(target, size), _bytes_at(source, size))
        for target, source, size in pieces
    ]


def _bytes_at(address: int, size: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_byte * size).from_address(address))
