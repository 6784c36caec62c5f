"""Shared by benchmarks of speed: ratios of times, their bars, the machine.

Only ratios of times from one run of `interleave` are compared with a bar.
"""

import dataclasses
import platform
from collections.abc import Mapping, Sequence

import numpy as np

Times = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """The ratio of the times of two variants, and its bar.

    Attributes:
        numerator: Name of a variant.
        denominator: Name of a variant.
        at_most: The highest ratio that meets the bar.
        at_least: The lowest ratio that meets the bar.
    """

    numerator: str
    denominator: str
    at_most: float = float("inf")
    at_least: float = 0.0

    @property
    def bar(self) -> str:
        """The bar as text, empty if there is none."""
        if self.at_most < float("inf"):
            return f"<= {self.at_most:.2f}"
        return f">= {self.at_least:.2f}" if self.at_least else ""

    def of_medians(self, times: Times) -> float:
        """Returns the ratio of the medians over all rounds."""
        return float(
            np.median(times[self.numerator])
            / np.median(times[self.denominator])
        )

    def per_round(self, times: Times) -> float:
        """Returns the median of the ratios per round, which must meet the bar.

        The effect of other load that lasts for some rounds cancels in it.
        """
        return float(np.median(times[self.numerator] / times[self.denominator]))

    def holds(self, times: Times) -> bool:
        """Returns whether the bar is met."""
        return self.at_least <= self.per_round(times) <= self.at_most


def report(
    times: Times, ratios: Sequence[Ratio], *, items: Mapping[str, int] = {}
) -> bool:
    """Prints the times, the ratios and their bars.

    Args:
        times: Seconds of each variant per round, from `interleave`.
        ratios: The ratios, in the order in which they are printed.
        items: The number of clips or other items that one call of a variant
            processes; 1 for variants that are not given.

    Returns:
        Whether every bar is met.
    """
    width = max(map(len, times))
    print(f"\n{'':{width}}  median ms    p10 ms    p90 ms  per second")
    for name, seconds in times.items():
        low, median, high = np.percentile(seconds, (10, 50, 90))
        print(
            f"{name:{width}} {median * 1e3:10.3f}{low * 1e3:10.3f}"
            f"{high * 1e3:10.3f}{items.get(name, 1) / median:12.1f}"
        )
    names = [f"{ratio.numerator} / {ratio.denominator}" for ratio in ratios]
    width = max(map(len, names))
    print(f"\n{'':{width}}  of medians  per round      bar")
    for name, ratio in zip(names, ratios, strict=True):
        verdict = "PASS" if ratio.holds(times) else "FAIL"
        print(
            f"{name:{width}} {ratio.of_medians(times):11.3f}"
            f"{ratio.per_round(times):11.3f}{ratio.bar:>9}"
            f"  {verdict if ratio.bar else ''}".rstrip()
        )
    return all(ratio.holds(times) for ratio in ratios)


def print_machine(**versions: str) -> None:
    """Prints the platform, the processor and the given versions."""
    print(f"machine: {platform.platform()}, {_cpu_model()}")
    found = {"Python": platform.python_version(), **versions}
    print("versions:", ", ".join(f"{k} {v}" for k, v in found.items()))


def _cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass  # The system is not Linux.
    return platform.processor() or platform.machine()
