"""markdown, replace_table: the table of docs/models.md as text."""

import re

import numpy as np

_MARKS = ("<!-- table: begin -->", "<!-- table: end -->")


def markdown(rows, times, reference, conditions):
    """Returns the lines of the table.

    Args:
        rows: What is shown of each model, by column; a MoViNet has no "size".
        times: Seconds per round, by (name, dtype).
        reference: The name of the model that has the ratio 1.
        conditions: How the times were measured.
    """
    dtypes = ("float32", "int8")
    milliseconds = {
        dtype: np.median(times[reference, dtype]) * 1e3 for dtype in dtypes
    }
    lines = [
        "| model | size | parameters | multiply-adds per frame | "
        "ImageNet top-1 | int8 file | int8 caches | float32 step | "
        "int8 step | GPU |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name = row["name"]
        steps = [
            f"{np.median(times[name, dtype] / times[reference, dtype]):.2f}"
            for dtype in dtypes
        ]
        if "size" not in row:  # A MoViNet, whose states stay in float32.
            lines.append(
                f"| {name} | | | | | {row['bytes'] / 1e6:.2f} MB | "
                f"{row['caches'] / 1e3:.1f} KB (float32) | "
                f"{steps[0]} | {steps[1]} | |"
            )
            continue
        lines.append(
            f"| `{name}` | {row['size']} | {row['parameters'] / 1e6:.2f} M | "
            f"{row['macs'] / 1e9:.3f} G | {row['top1']} | "
            f"{row['bytes'] / 1e6:.2f} MB | {row['caches'] / 1e3:.1f} KB | "
            f"{steps[0]} | {steps[1]} | {row.get('gpu', '')} |"
        )
    return [
        *lines,
        "",
        "Steps are ratios to those of MobileNetV2 in the same run, which took "
        f"{milliseconds['float32']:.2f} ms in float32 and "
        f"{milliseconds['int8']:.2f} ms in int8, {conditions}.",
    ]


def replace_table(page, table):
    """Replaces the lines between the two comments of a page."""
    begin, end = map(re.escape, _MARKS)
    text, count = re.subn(
        f"{begin}.*{end}",
        lambda _: f"{_MARKS[0]}\n{table}\n{_MARKS[1]}",
        page.read_text("utf-8"),
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{page} must have the lines {_MARKS} once.")
    page.write_text(text, "utf-8")
