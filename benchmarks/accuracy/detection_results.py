"""The results of `benchmarks.accuracy.detection`: their tables and the bars."""

import dataclasses
import pathlib

import numpy as np

from benchmarks.accuracy.resumable_runs import Job, read_lines
from tsm_keras.data.moving_objects.generate import FRAME_BLIND_CEILING

# The figures of a detector, shown in one way, by seed.
Results = dict[tuple[str, str], dict[int, Job]]

COLUMNS = {
    "ap": "AP",
    "ap50": "AP50",
    "paired": "paired",
    "ordinary": "ordinary",
    "ap50_slow": "slow",
    "ap50_medium": "medium",
    "ap50_fast": "fast",
}
WAYS = {"clips": "clips", "stream": "stream", "int8": "stream, int8"}
_NAMES = {"causal": "causal", "none": "no shift"}
_CAUSAL, _NONE = ("causal", "clips"), ("none", "clips")
_STREAM, _INT8 = ("causal", "stream"), ("causal", "int8")


@dataclasses.dataclass(frozen=True)
class _Bar:
    """The least difference of a figure, in percentage points."""

    title: str
    column: str
    one: tuple[str, str]
    other: tuple[str, str]
    at_least: float

    def differences(self, found: Results) -> np.ndarray:
        """Returns the difference of each seed, `[seeds]`."""
        one, other = (
            _values(found[key], [self.column]) for key in (self.one, self.other)
        )
        return (one - other)[:, 0]


_BARS = (
    *(
        _Bar(
            f"AP50 {COLUMNS[column]}, causal - no shift",
            *(column, _CAUSAL, _NONE, at_least),
        )
        for column, at_least in (
            ("paired", 25.0),
            ("ordinary", 0.0),
            ("ap50_fast", 3.0),
        )
    ),
    _Bar("AP, int8 stream - clips", "ap", _INT8, _CAUSAL, -1.5),
)


def read_results(path: pathlib.Path, settings: Job) -> Results:
    """Returns the figures in percent by detector and way, then by seed.

    Args:
        path: The file of results, which may be missing.
        settings: Lines of other settings are left out.

    Returns:
        The seeds that both detectors have, in rising order: the means of other
        seeds could not be compared. It is empty if there are none.
    """
    lines: dict[str, dict[int, Job]] = {shift: {} for shift in _NAMES}
    for line in read_lines(path):
        if settings.items() <= line.items():
            lines[line["shift"]][line["seed"]] = line
    seeds = sorted(lines["causal"].keys() & lines["none"].keys())
    found: Results = {}
    for shift, by_seed in lines.items():
        for seed in seeds:
            for way in WAYS.keys() & by_seed[seed].keys():
                found.setdefault((shift, way), {})[seed] = by_seed[seed][way]
    return {
        (shift, way): found[shift, way]
        for shift in _NAMES
        for way in WAYS
        if (shift, way) in found
    }


def count_seeds(found: Results) -> int:
    """Returns the number of seeds that both detectors have."""
    return len(found.get(_CAUSAL, ()))


def print_table(found: Results) -> None:
    """Prints the means over the seeds, their spread and their differences.

    The table is Markdown. A row is a detector and the way in which it is shown
    the videos, a column a figure in percent; the last rows have differences in
    percentage points. The spread is a standard deviation.
    """

    def print_row(name, way, values, form):
        cells = " | ".join(format(value, form) for value in values)
        print(f"| {name} | {way} | {cells} |")

    print(f"\nMeans over {count_seeds(found)} seed(s) of both detectors.")
    print(f"\n| detector | shown | {' | '.join(COLUMNS.values())} |")
    print("|---" * (2 + len(COLUMNS)) + "|")
    means = {}
    for (shift, way), by_seed in found.items():
        rows = _values(by_seed, COLUMNS)
        means[shift, way] = rows.mean(axis=0)
        print_row(_NAMES[shift], WAYS[way], means[shift, way], ".1f")
        if len(rows) > 1:
            print_row("", "± over seeds", rows.std(axis=0, ddof=1), ".1f")
    for title, key, base in (
        ("causal - no shift", _CAUSAL, _NONE),
        ("int8 stream - clips", _INT8, _CAUSAL),
    ):
        if {key, base} <= found.keys():
            print_row(title, "", means[key] - means[base], "+.1f")


def print_bars(found: Results) -> bool:
    """Prints the bars; returns whether the means over the seeds meet all.

    The difference of each seed follows, as a Markdown table. If there are no
    seeds of both detectors, no bar is met.
    """
    print(
        "\nA detector that sees single frames reaches at most "
        f"{FRAME_BLIND_CEILING:.0%} AP50 on the paired classes."
    )
    if not {_CAUSAL, _NONE, _INT8} <= found.keys():
        print("The bars need a seed of both detectors.")
        return False
    differences = {bar: bar.differences(found) for bar in _BARS}
    met = True
    for bar, values in differences.items():
        holds = bool(values.mean() >= bar.at_least)
        met = met and holds
        print(
            f"{bar.title}: {values.mean():+.1f} (at least {bar.at_least:+.1f}) "
            f"{'met' if holds else 'missed'}"
        )
    seeds = " | ".join(f"seed {seed}" for seed in found[_CAUSAL])
    print(f"\n| difference | {seeds} |")
    print("|---" * (1 + count_seeds(found)) + "|")
    for bar, values in differences.items():
        cells = " | ".join(f"{value:+.1f}" for value in values)
        print(f"| {bar.title} | {cells} |")
    return met


def print_classes(found: Results) -> None:
    """Prints the AP50 of each class, and how far the stream is from clips.

    A Markdown table has the means over the seeds, of both detectors on clips,
    in percent. The difference is the largest of all figures and seeds, those
    of single classes included, in percentage points.
    """
    if not {_CAUSAL, _NONE} <= found.keys():
        return
    labels = [*next(iter(found[_CAUSAL].values()))["classes"]]
    print(f"\n| AP50 on clips | {' | '.join(labels)} |")
    print("|---" * (1 + len(labels)) + "|")
    for key in (_CAUSAL, _NONE):
        classes = {seed: row["classes"] for seed, row in found[key].items()}
        means = _values(classes, labels).mean(axis=0)
        cells = " | ".join(f"{mean:.1f}" for mean in means)
        print(f"| {_NAMES[key[0]]} | {cells} |")
    if _STREAM not in found:
        return
    stream, clips = (
        _values(
            {seed: row | row["classes"] for seed, row in found[key].items()},
            [*COLUMNS, *labels],
        )
        for key in (_STREAM, _CAUSAL)
    )
    largest = np.abs(stream - clips).max()
    print(f"\nLargest difference between stream and clips: {largest:.2f}")


def _values(by_seed, names):
    """Returns figures, `[seeds, names]`."""
    return np.array([[row[name] for name in names] for row in by_seed.values()])
