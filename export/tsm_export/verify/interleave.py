"""interleave: times things in turns, so that their ratios mean something.

Whatever else the machine does slows all of them alike.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

# The bars are about wall time. Processor time, all threads together, does not
# count the time for which other programs held the cores, so on a shared machine
# it tells a slow variant from an unlucky one.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def interleave(
    variants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    untimed_calls: int = 0,
    clock: str = "wall",
    warmup: int = 2,
) -> dict[str, np.ndarray]:
    """Times the variants in turns; who is first changes, and the direction.

    Args:
        variants: What to call, by name. Those to be compared stand together,
            so that they run within the same moment.
        rounds: How often each variant has its turn: one timed call.
        untimed_calls: At the start of a turn, so that a variant does not pay
            for the memory caches that the one before it left.
        clock: One of `CLOCKS`.
        warmup: Rounds that are not recorded.

    Returns:
        Seconds a call in each round, by name.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    now = CLOCKS[clock]
    for index in range(warmup + rounds):
        first = index // 2 % len(order)
        turns = order[first:] + order[:first]
        for name in reversed(turns) if index % 2 else turns:
            call = variants[name]
            for _ in range(untimed_calls):
                call()
            start = now()
            call()
            times[name].append(now() - start)
    return {name: np.array(seconds[warmup:]) for name, seconds in times.items()}
