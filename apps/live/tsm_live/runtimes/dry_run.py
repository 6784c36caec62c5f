"""dry_step: what running an artifact costs at least, without an app.

    python -m tsm_live.runtimes.dry_run FILE THREADS

prints, as JSON, what loading and running a file costs a fresh process.
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
from tsm_live.runtimes.open_network import open_network

# The unit of ru_maxrss.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def dry_step(
    path: str | os.PathLike, *, threads: int = 1
) -> Callable[[], np.ndarray]:
    """Returns a step of the bare runtime, from images to logits.

    If there are caches, they go from the outputs back to the inputs. The
    images are random and stay the same.

    Args:
        path: An artifact.
        threads: Threads of the runtime.

    Raises:
        ArtifactError: If the file is not an artifact.
        ImportError: If it is an `.onnx` file and ONNX Runtime is missing.
    """
    spec, model = load_artifact(path)
    pixels = np.random.default_rng(0).integers(0, 256, spec.frame.shape)
    network = open_network(path, spec, model, threads=threads)
    fed = quantize(pixels, spec.frame)

    def step():
        network.frame()[...] = fed
        return network.run()

    return step


def memory() -> int:
    """Returns the bytes of memory that this process holds.

    Where there is no /proc, it is the most that the process has held.
    """
    try:
        # On Linux ru_maxrss starts with what the parent process held.
        status = pathlib.Path("/proc/self/status").read_text()
        (held,) = re.findall(r"VmRSS:\s*(\d+) kB", status)
        return int(held) * 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def _main(path, threads):
    # Importing a runtime is not what a file costs.
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
