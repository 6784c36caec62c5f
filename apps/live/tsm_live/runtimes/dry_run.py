"""dry_step: what running an artifact costs at the least, without an app.

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

from tsm_live.artifact.file import ONNX_SUFFIX, read_spec
from tsm_live.artifact.quantization import quantize
from tsm_live.runtimes.bound_network import BoundNetwork
from tsm_live.runtimes.interpreter_network import InterpreterNetwork

# The unit of ru_maxrss.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def dry_step(
    path: str | os.PathLike, *, threads: int = 1
) -> Callable[[], np.ndarray]:
    """Returns a step of the bare runtime: images in, logits out.

    The caches, where there are some, go from outputs back to inputs. The
    images are random and stay the same.

    Args:
        path: An artifact.
        threads: Of the runtime.

    Raises:
        ArtifactError: If the file is no artifact.
        ImportError: If it is `.onnx` and ONNX Runtime is not installed.
    """
    spec = read_spec(path)
    pixels = np.random.default_rng(0).integers(0, 256, spec.frame.shape)
    is_onnx = pathlib.Path(path).suffix == ONNX_SUFFIX
    network = (BoundNetwork if is_onnx else InterpreterNetwork)(
        path, spec, threads=threads
    )
    fed = quantize(pixels, spec.frame)

    def step():
        network.frame()[...] = fed
        return network.run()

    return step


def memory() -> int:
    """Returns the memory, in bytes, that this process holds.

    Where there is no /proc, the most that it has held.
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
    if pathlib.Path(path).suffix == ONNX_SUFFIX:
        # LiteRT is imported above: a runtime is not what a file costs.
        import onnxruntime  # noqa: F401
    before, start = memory(), time.perf_counter()
    step = dry_step(path, threads=int(threads))
    init = time.perf_counter() - start
    for _ in range(3):
        step()
    grown = memory() - before
    print(json.dumps({"init_seconds": init, "memory": grown}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
