"""dry_step, step_of: run a network on random images, without an app.

    python -m tsm_live.runtimes.dry_run FILE THREADS

prints, as JSON, the time and the memory for loading and running a file.
"""

import json
import os
import pathlib
import re
import sys
import time
from collections.abc import Callable

import numpy as np

from tsm_live.artifact.file import ONNX_SUFFIX, load_artifact
from tsm_live.artifact.quantization import quantize
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.network import Network
from tsm_live.runtimes.open_network import open_network

# The unit of ru_maxrss.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def dry_step(
    path: str | os.PathLike, *, threads: int = 1
) -> Callable[[], list[np.ndarray]]:
    """Returns a function that runs one step of a network, caches included.

    Every step gets the same random images. Nothing is resized.

    Args:
        path: An artifact.
        threads: The number of threads of the runtime.

    Raises:
        ArtifactError: If the file is not an artifact.
        ImportError: If it is an `.onnx` file and ONNX Runtime is missing.
    """
    spec, model = load_artifact(path)
    return step_of(open_network(path, spec, model, threads=threads), spec)


def step_of(
    network: Network, spec: ArtifactSpec
) -> Callable[[], list[np.ndarray]]:
    """Returns what `dry_step` returns, for a network that is already open."""
    pixels = np.random.default_rng(0).integers(0, 256, spec.frame.shape)
    fed = quantize(pixels, spec.frame)

    def step():
        network.frame()[...] = fed
        if spec.valid:
            network.valid()[...] = quantize(1.0, spec.valid)
        return network.run()

    return step


def memory() -> int:
    """Returns the bytes of memory that this process holds.

    Without /proc, it returns the largest value so far.
    """
    try:
        # On Linux ru_maxrss includes the memory of the parent process.
        status = pathlib.Path("/proc/self/status").read_text()
        (held,) = re.findall(r"VmRSS:\s*(\d+) kB", status)
        return int(held) * 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def _main(path, threads):
    # The cost of importing a runtime is left out.
    if pathlib.Path(path).suffix == ONNX_SUFFIX:
        import onnxruntime  # noqa: F401
    else:
        import tsm_live.runtimes.interpreter_network  # noqa: F401
    before, start = memory(), time.perf_counter()
    step = dry_step(path, threads=int(threads))
    init = time.perf_counter() - start
    for _ in range(3):
        step()
    grown = memory() - before
    print(json.dumps({"init_seconds": init, "memory": grown}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
