"""open_network: opens an artifact's network in the runtime for its format."""

import logging
import math
import os
from collections.abc import Sequence

import numpy as np

from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.isolated_network import IsolatedNetwork, SessionError
from tsm_live.runtimes.network import (
    AcceleratorError,
    Network,
    check_threads,
)

ACCELERATORS = ("cpu", "gpu", "auto")

# On the CPU, caches of at least so many bytes are swapped, and smaller ones are
# copied. A step with swapped caches starts later, since LiteRT registers every
# buffer anew (`docs/performance.md`).
LARGE_CACHES = 8_000_000

# By the hash of a model: the error if the GPU cannot run it, else None. Each
# model is tried once, and all its sessions run on the same accelerator.
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
    """Opens a network in this process or in a child process.

    Args:
        path: The path of the artifact, for error messages.
        spec: The spec of the artifact.
        model: The bytes of its model.
        accelerator: `"cpu"`, `"gpu"` or `"auto"`; see `StreamingSession`.
        threads: The number of threads on the CPU.
        providers: The execution providers of ONNX Runtime; see `OnnxNetwork`.
        isolated: Run the network in a child process. If that dies, a
            `SessionError` is raised.

    Raises:
        ValueError: If `accelerator` or `threads` is not valid.
        ImportError: If ONNX Runtime is needed and not installed.
        ArtifactError: If the runtime refuses the model.
        AcceleratorError: If there is no GPU that can run the whole network.
        SessionError: If the child process died.
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
    """Opens a network in this process; see `IsolatedNetwork` for the rest."""
    if spec.layout == "NCHW":
        from tsm_live.runtimes.onnx_network import OnnxNetwork

        return OnnxNetwork(spec, model, threads=threads, providers=providers)
    # ONNX Runtime's users need no LiteRT, so it is imported late.
    from tsm_live.runtimes.compiled_network import CompiledNetwork
    from tsm_live.runtimes.interpreter_network import InterpreterNetwork

    if accelerator == "gpu":
        return CompiledNetwork(
            spec, model, accelerator="gpu", enforce_float32=enforce_float32
        )
    # The spec may be wrong until a network checks it, so nothing is allocated.
    cached = sum(
        math.prod(cache.shape) * np.dtype(cache.dtype).itemsize
        for cache in spec.caches
    )
    if cached >= LARGE_CACHES:
        try:
            return CompiledNetwork(spec, model, threads=threads)
        except AcceleratorError as error:
            logging.getLogger(__name__).info("Caches are copied: %s", error)
    return InterpreterNetwork(spec, model, threads=threads)


def _takes_gpu(spec, model, accelerator):
    """Returns whether the GPU can run a model; "gpu" raises if not."""
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
