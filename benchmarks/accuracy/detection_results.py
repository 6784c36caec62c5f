"""The results of `benchmarks.accuracy.detection`: their table and the bars."""

import pathlib

import numpy as np

from benchmarks.accuracy.resumable_runs import Job, read_lines
from tsm_keras.data.moving_objects.generate import FRAME_BLIND_CEILING

Results = dict[tuple[str, str], np.ndarray]

# Percentage points; the first three are of the causal detector above the one
# without a shift, both on clips.
PAIRED_BAR, ORDINARY_BAR, FAST_BAR, INT8_BAR = 25.0, 0.0, 3.0, 1.5
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


def read_results(path: pathlib.Path, settings: Job) -> Results:
    """Returns the figures of all seeds by detector and way, `[seeds, columns]`.

    Lines of other settings are left out.
    """
    found = {}
    for line in sorted(read_lines(path), key=lambda line: line["seed"]):
        if settings.items() <= line.items():
            for way in WAYS:
                if way in line:
                    row = [line[way][name] for name in COLUMNS]
                    found.setdefault((line["shift"], way), []).append(row)
    return {key: np.array(rows) for key, rows in found.items()}


def print_table(found: Results) -> None:
    def print_row(name, way, values, form):
        cells = " | ".join(format(value, form) for value in values)
        print(f"| {name} | {way} | {cells} |")

    print(f"\n| detector | shown | {' | '.join(COLUMNS.values())} |")
    print("|---" * (2 + len(COLUMNS)) + "|")
    for (shift, way), rows in found.items():
        name = {"none": "no shift"}.get(shift, shift)
        print_row(name, WAYS[way], rows.mean(axis=0), ".1f")
        if len(rows) > 1:
            print_row("", "± over seeds", rows.std(axis=0, ddof=1), ".1f")
    for title, key, base in (
        ("causal - no shift", ("causal", "clips"), ("none", "clips")),
        ("int8 stream - clips", ("causal", "int8"), ("causal", "clips")),
    ):
        if {key, base} <= found.keys():
            difference = found[key].mean(axis=0) - found[base].mean(axis=0)
            print_row(title, "", difference, "+.1f")


def print_bars(found: Results) -> bool:
    """Prints the bars that have results; returns whether they are met."""
    means = {
        key: dict(zip(COLUMNS, rows.mean(axis=0), strict=True))
        for key, rows in found.items()
    }
    causal, none, int8 = (
        means.get(key)
        for key in (("causal", "clips"), ("none", "clips"), ("causal", "int8"))
    )
    print(
        "\nA detector that sees single frames reaches at most "
        f"{FRAME_BLIND_CEILING:.0%} AP50 on the paired classes."
    )
    if causal is None or none is None or int8 is None:
        print("The bars need results of both detectors.")
        return False
    rows = [
        (f"AP50 {COLUMNS[name]}, causal - no shift", causal, none, name, bar)
        for name, bar in (
            ("paired", PAIRED_BAR),
            ("ordinary", ORDINARY_BAR),
            ("ap50_fast", FAST_BAR),
        )
    ]
    rows.append(("AP, int8 stream - clips", int8, causal, "ap", -INT8_BAR))
    verdicts = []
    for title, one, other, column, bar in rows:
        value = one[column] - other[column]
        verdicts.append(value >= bar)
        verdict = "met" if verdicts[-1] else "missed"
        print(f"{title}: {value:+.1f} (at least {bar:+.1f}) {verdict}")
    return all(verdicts)
