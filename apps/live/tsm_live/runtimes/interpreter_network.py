"""InterpreterNetwork: a network in LiteRT's interpreter, on the CPU."""

import ctypes
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tsm_live.artifact.quantization import zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec
from tsm_live.runtimes.model_check import check_model
from tsm_live.runtimes.network import check_tensors
from tsm_live.runtimes.threads import check_threads

# In bytes. A tensor in LiteRT's memory starts at a multiple of this
# (`kDefaultTensorAlignment`), so a smaller gap holds none.
_ALIGNMENT = 64


def load_interpreter(
    path: str | os.PathLike, *, threads: int = 1
) -> Interpreter:
    """Loads a `.tflite` file on the CPU; its tensors are allocated.

    Raises:
        ValueError: If `threads` is not an integer from 1 to 256.
        ArtifactError: If it is not one of `tsm export`, or LiteRT cannot load
            it.
    """
    check_threads(threads)
    try:
        # First: LiteRT may end the process where it should raise.
        check_model(pathlib.Path(path).read_bytes())
        interpreter = Interpreter(
            model_path=os.fspath(path), num_threads=threads
        )
        interpreter.allocate_tensors()
    # LiteRT's C++ exceptions become these.
    except (ValueError, RuntimeError, IndexError) as error:
        raise ArtifactError(
            f"LiteRT cannot load {os.fspath(path)}: {error}"
        ) from error
    return interpreter


def signature_details(
    interpreter: Interpreter,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Returns the inputs and the outputs of the only signature, by name.

    Raises:
        ArtifactError: If there is not one signature.
    """
    try:
        runner = interpreter.get_signature_runner()
    except ValueError as error:
        raise ArtifactError(f"The model is no artifact's: {error}") from error
    return runner.get_input_details(), runner.get_output_details()


def tensor_specs(details: Mapping[str, Mapping]) -> dict[str, TensorSpec]:
    """Returns tensors as LiteRT describes them, by name."""
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
    """Runs a `.tflite` artifact on the CPU; keeps its caches.

    They stay in the interpreter's memory: after a step each is copied from its
    output to its input, a percent of a step or less. LiteRT's `CompiledModel`
    can swap two sets of buffers on the CPU too, and gains nothing for float32
    (`benchmarks/session_overhead.py`).

    Args:
        path: The file.
        spec: Its spec.
        threads: Of the interpreter.

    Attributes:
        copies: Pairs of memory, to and from: what feeds the caches back.

    Raises:
        ArtifactError: If LiteRT cannot load the file, or its tensors are not
            those that the spec describes.
    """

    accelerator = "cpu"

    def __init__(
        self, path: str | os.PathLike, spec: ArtifactSpec, *, threads: int = 1
    ):
        self._interpreter = load_interpreter(path, threads=threads)
        inputs, outputs = signature_details(self._interpreter)
        check_tensors(spec.inputs, tensor_specs(inputs))
        check_tensors(spec.outputs, tensor_specs(outputs))
        # Tensors are addressed by the signature's names: foreign tools reorder
        # them.
        self._logits = outputs[spec.logits.name]["index"]
        # A function that returns a view of the tensor's memory. The view must
        # be gone before the interpreter is called.
        self.frame = self._interpreter.tensor(inputs[spec.frame.name]["index"])
        self._caches = [
            self._memory(inputs[cache.name]["index"]) for cache in spec.caches
        ]
        fresh = [
            self._memory(outputs[cache.fed_by]["index"])
            for cache in spec.caches
        ]
        self.copies = neighbours_as_one(self._caches, fresh)
        self.write_state([zero_state(cache) for cache in spec.caches])

    def run(self) -> np.ndarray:
        """Takes the next frame of every stream; see `Network`."""
        self._interpreter.invoke()
        for fed, fresh in self.copies:
            fed[...] = fresh
        return self._interpreter.get_tensor(self._logits)

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache."""
        return [cache.copy() for cache in self._caches]

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
        for cache, value in zip(self._caches, state, strict=True):
            cache[...] = value

    def _memory(self, index):
        """Returns a tensor's memory for good.

        It stays where it is: `check_model` lets no shape be computed, so
        tensors are allocated once. LiteRT's own views must be made anew for
        every step, which takes longer than to copy a small cache.
        """
        view = self._interpreter.tensor(index)()
        memory = _bytes_at(view.ctypes.data, view.nbytes)
        return memory.view(view.dtype).reshape(view.shape)


def neighbours_as_one(
    fed: Sequence[np.ndarray], fresh: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns what to copy where, in as few pieces as possible.

    LiteRT often places caches side by side, inputs as outputs, but nothing
    promises that it does.

    Args:
        fed: Memory to copy to.
        fresh: Memory to copy from, of the same shapes and dtypes.

    Returns:
        Pairs of bytes: to and from.
    """
    pieces: list[tuple[int, int, int]] = []
    for target, source, size in sorted(
        (to.ctypes.data, origin.ctypes.data, to.nbytes)
        for to, origin in zip(fed, fresh, strict=True)
    ):
        if pieces:
            start, origin, length = pieces[-1]
            # Between neighbours there is nothing but what aligns them.
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
