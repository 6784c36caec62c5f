"""interleave: times functions in turns, so that they can be compared.

Other programs on the machine then slow all of them down equally.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

# Requirements are about wall time. Processor time (of all threads) excludes the
# time of other programs, so it is more reliable on a shared machine.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def interleave(
    variants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    untimed_calls: int = 0,
    clock: str = "wall",
    warmup: int = 2,
    pause: float = 0.0,
) -> dict[str, np.ndarray]:
    """Times the variants in turns, in an order that changes every round.

    Args:
        variants: The functions by name. Put variants that are to be compared
            next to each other.
        rounds: The number of timed calls per variant.
        untimed_calls: The number of calls before each timed call, which bring
            the variant's data back into the processor's caches.
        clock: One of `CLOCKS`.
        warmup: The number of rounds that are not recorded.
        pause: Seconds to wait before the calls of a variant. After a step, the
            threads of a runtime seem to wait for the next one without sleeping
            for some milliseconds, and then they slow the next variant down.
            After a pause a variant's own threads sleep too, so it needs untimed
            calls.

    Returns:
        The seconds of the call in each round, by name.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    now = CLOCKS[clock]
    for index in range(warmup + rounds):
        first = index // 2 % len(order)
        turns = order[first:] + order[:first]
        for name in reversed(turns) if index % 2 else turns:
            call = variants[name]
            time.sleep(pause)
            for _ in range(untimed_calls):
                call()
            start = now()
            call()
            times[name].append(now() - start)
    return {name: np.array(seconds[warmup:]) for name, seconds in times.items()}
