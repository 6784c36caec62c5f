"""cpu_task_seconds: how fast this machine computes in several processes."""

import subprocess
import sys
import time

_COUNT = "sum(i * i for i in range(30_000_000))"


def cpu_task_seconds(processes: int) -> float:
    """Returns the seconds that a CPU task takes in each of some processes."""
    start = time.perf_counter()
    running = [
        subprocess.Popen([sys.executable, "-c", _COUNT])
        for _ in range(processes)
    ]
    for process in running:
        process.wait()
    return time.perf_counter() - start
