"""open_network: the network of an artifact in the runtime that fits it."""

import logging
import os
from collections.abc import Sequence

from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.isolated_network import IsolatedNetwork, SessionError
from tsm_live.runtimes.network import (
    AcceleratorError,
    Network,
    check_threads,
)

ACCELERATORS = ("cpu", "gpu", "auto")

# Why the GPU does not take a model, or None if it does, by the model's hash.
# So all sessions of a file run on the same accelerator, and try it only once.
_tried: dict[str, OSError | None] = {}


def open_network(
    path: str | os.PathLike,
    spec: ArtifactSpec,
    model: bytes,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    providers: Sequence[str] | None = None,
    isolated: bool = False,
) -> Network:
    """Opens a network in this process, or in one of its own.

    Args:
        path: The artifact, which errors name.
        spec: Its spec.
        model: The bytes of its model.
        accelerator: `"cpu"`; `"gpu"`, with nothing left to the CPU; or
            `"auto"`: the GPU if it takes the whole network, else the CPU. A
            model is tried on the GPU in a process of its own first.
        threads: Threads on the CPU.
        providers: As for `OnnxNetwork`.
        isolated: Run the network in a process of its own, whose death is a
            `SessionError` and nothing else.

    Raises:
        ValueError: If an argument is none of these.
        ImportError: If ONNX Runtime is missing and wanted.
        ArtifactError: If the runtime refuses the model.
        AcceleratorError: If there is no GPU, or it does not take the whole
            network.
        SessionError: If the process of its own died.
    """
    check_threads(threads)
    if accelerator not in ACCELERATORS:
        raise ValueError(
            f"`accelerator` must be one of {ACCELERATORS}. "
            f"Received: accelerator={accelerator!r}"
        )
    opener = IsolatedNetwork if isolated else open_here
    try:
        if accelerator != "cpu" and _takes_gpu(spec, model, accelerator):
            return opener(spec, model, accelerator="gpu")
        return opener(spec, model, threads=threads, providers=providers)
    except ArtifactError as error:
        raise ArtifactError(f"{os.fspath(path)}: {error}") from error


def open_here(
    spec: ArtifactSpec,
    model: bytes,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    providers: Sequence[str] | None = None,
    enforce_float32: bool = False,
) -> Network:
    """Opens a network in this process; as `IsolatedNetwork` otherwise."""
    # A runtime is imported when it is wanted.
    if spec.layout == "NCHW":
        from tsm_live.runtimes.onnx_network import OnnxNetwork

        return OnnxNetwork(spec, model, threads=threads, providers=providers)
    if accelerator == "gpu":
        from tsm_live.runtimes.gpu_network import GpuNetwork

        return GpuNetwork(spec, model, enforce_float32=enforce_float32)
    from tsm_live.runtimes.interpreter_network import InterpreterNetwork

    return InterpreterNetwork(spec, model, threads=threads)


def _takes_gpu(spec, model, accelerator):
    """Returns whether the GPU takes a model; raises if it must."""
    key = spec.model_hash
    if key not in _tried:
        try:
            network = IsolatedNetwork(spec, model, accelerator="gpu")
            try:
                network.run()
            finally:
                network.close()
            _tried[key] = None
        except (AcceleratorError, SessionError) as error:
            _tried[key] = error
    refusal = _tried[key]
    if refusal is not None and accelerator == "gpu":
        raise AcceleratorError(str(refusal)) from refusal
    if refusal is not None:
        logging.getLogger(__name__).info("On the CPU: %s", refusal)
    return refusal is None
