"""Draws predictions and clips; every function returns the bytes of a PNG file.

Figures are made without pyplot, so that no global state is read or changed, no
window opens and any thread may draw.
"""

import io
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from tsm_keras.evaluation.predictions import Predictions

# Okabe and Ito's colours, which are distinct with any colour vision.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
INK, FAINT = "#24292f", "#8c959f"
_DPI = 150

_MAX_CLASSES_WITH_NUMBERS = 20  # More cells are too small to hold a number.
_MAX_CLASSES_WITH_NAMES = 60


def confusion_matrices(predictions: Mapping[str, Predictions]) -> bytes:
    """Draws the confusion matrix of each model.

    Each row is a true class and sums to 100%; the row of a class without clips
    is empty.

    Args:
        predictions: The predictions of each model, by the model's name. All
            have the same classes.

    Returns:
        The bytes of a PNG file.

    Raises:
        ValueError: If there are no predictions or their classes differ.
    """
    names = _label_names(predictions)
    columns = 2 if len(predictions) == 4 else min(len(predictions), 3)
    rows = -(-len(predictions) // columns)
    side = 2.4 + 0.21 * min(len(names), _MAX_CLASSES_WITH_NAMES)  # Inches.
    # "compressed" keeps square axes together, whatever the figure's shape.
    figure = new_figure(columns * side + 1.4, rows * (side + 0.9), "compressed")
    grid = figure.subplots(rows, columns, squeeze=False)
    for index, axes in enumerate(grid.flat):
        axes.set_visible(index < len(predictions))
    for index, (name, prediction) in enumerate(predictions.items()):
        axes = grid.flat[index]
        _draw_confusion(axes, prediction.confusion())
        axes.set_title(
            plain_text(f"{name}: {prediction.top1():.1%}"), color=INK, pad=10
        )
        first = index % columns == 0
        _name_classes(axes, names, rows=first)
        axes.set_xlabel("predicted, % of the row", color=FAINT)
        axes.set_ylabel("true" if first else "", color=FAINT)
    return to_png(figure)


def accuracy_over_time(
    predictions: Mapping[str, Predictions],
    *,
    horizontal: Mapping[str, float] | None = None,
) -> bytes:
    """Draws top-1 accuracy against the share of frames seen, a line per model.

    Args:
        predictions: The predictions of each model, by the model's name.
        horizontal: Accuracies in [0, 1] to draw as horizontal lines, by their
            names: for example that of a model that needs the whole clip.

    Returns:
        The bytes of a PNG file.

    Raises:
        ValueError: If there are no predictions or their classes differ.
    """
    _label_names(predictions)
    lines = {}
    for name, prediction in predictions.items():
        top1 = prediction.top1_by_frames()
        seen = np.arange(1, len(top1) + 1) / len(top1)
        lines[f"{name}: {top1[-1]:.1%}"] = (seen, top1)
    return line_chart(
        lines,
        xlabel="share of the video's frames seen",
        ylabel="top-1 accuracy",
        horizontal={
            f"{name}: {value:.1%}": value
            for name, value in (horizontal or {}).items()
        },
        percent_x=True,
    )


def line_chart(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    xlabel: str,
    ylabel: str,
    horizontal: Mapping[str, float] | None = None,
    percent_x: bool = False,
) -> bytes:
    """Draws lines whose y values are shares in [0, 1].

    Args:
        lines: The x and y values of each line, by its name.
        xlabel: Label of the x axis, which shows counts unless `percent_x`.
        ylabel: Label of the y axis.
        horizontal: Shares to draw as horizontal lines, by their names.
        percent_x: Whether the x values are shares in [0, 1] too.

    Returns:
        The bytes of a PNG file.
    """
    figure = new_figure(7, 4.4, "constrained")
    axes = figure.subplots()
    for index, (name, (x, y)) in enumerate(lines.items()):
        axes.plot(
            x,
            y,
            color=_COLORS[index % len(_COLORS)],
            label=plain_text(name),
            linewidth=2.2,
            marker="o",
            markersize=5,
            # Circles at 100% are drawn whole, on top of the frame.
            clip_on=False,
            zorder=3,
        )
    for index, (name, value) in enumerate((horizontal or {}).items()):
        axes.axhline(
            value,
            color=FAINT,
            label=plain_text(name),
            linestyle=("--", ":", "-.")[index % 3],
            linewidth=1.6,
        )
    axes.set(ylim=(0, 1.02), xlabel=xlabel, ylabel=ylabel)
    shares = [axes.yaxis]
    if percent_x:
        axes.set_xlim(0, 1.02)
        shares.append(axes.xaxis)
    for axis in shares:
        axis.set_major_locator(_ticker().MultipleLocator(0.2))
        axis.set_major_formatter(_ticker().PercentFormatter(xmax=1))
    if not percent_x:
        axes.xaxis.set_major_locator(_ticker().MaxNLocator(integer=True))
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(INK)
    axes.grid(color="#eaeef2")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelcolor=INK)
    # The legend is below the axes, where it cannot cover a line.
    figure.legend(
        loc="outside lower center", ncols=2, frameon=False, labelcolor=INK
    )
    return to_png(figure)


def contact_sheet(frames: np.ndarray, *, columns: int | None = None) -> bytes:
    """Lays the frames of a clip side by side, in reading order.

    Args:
        frames: `[T, H, W, 3]` uint8 RGB.
        columns: The number of frames per row; None for at most 8.

    Returns:
        The bytes of a PNG file that has the frames in their own size, with
        thin white lines between them; empty places of the last row are white.

    Raises:
        ValueError: If `frames` has another shape or dtype, or `columns` is
            below 1.
    """
    if (
        frames.ndim != 4
        or frames.shape[3] != 3
        or 0 in frames.shape
        or frames.dtype != np.uint8
    ):
        raise ValueError(
            "`frames` must be [T, H, W, 3] uint8 with no dimension of 0. "
            f"Received: {list(frames.shape)} {frames.dtype}"
        )
    if columns is not None and columns < 1:
        raise ValueError(
            f"`columns` must be at least 1. Received: columns={columns!r}"
        )
    length, height, width = frames.shape[:3]
    columns = min(columns or 8, length)
    rows = -(-length // columns)
    gap = max(2, width // 32)
    sheet = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3),
        255,
        np.uint8,
    )
    for index, frame in enumerate(frames):
        top = index // columns * (height + gap)
        left = index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = frame
    _, png = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return png.tobytes()


def _label_names(predictions):
    """Returns the class names, which all predictions must share."""
    all_names = {item.label_names for item in predictions.values()}
    if len(all_names) != 1:
        raise ValueError(
            "`predictions` must have at least one model, and all models must "
            f"have the same classes. Received: {len(predictions)} models with "
            f"{len(all_names)} different sets of classes"
        )
    return all_names.pop()


def new_figure(width: float, height: float, layout: Any) -> Any:
    """Returns an empty matplotlib figure; width and height are in inches."""
    # Importing matplotlib takes half a second, so the first figure does it.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout=layout)


def _ticker():
    from matplotlib import ticker

    return ticker


def _draw_confusion(axes, counts):
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    # White lines between the cells.
    axes.set_xticks(np.arange(1, len(counts)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(counts)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    if len(counts) > _MAX_CLASSES_WITH_NUMBERS:
        return
    for row, column in np.argwhere(counts):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            color="white" if share > 0.55 else INK,
            fontsize=7.5,
        )


def _name_classes(axes, names, *, rows):
    if len(names) > _MAX_CLASSES_WITH_NAMES:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    ticks, names = np.arange(len(names)), [plain_text(name) for name in names]
    style = {"fontsize": 8.5, "color": INK}
    # Upright names never overlap, however long they are.
    axes.set_xticks(ticks, names, rotation=90, **style)
    # Only the first matrix of each row names the classes.
    axes.set_yticks(ticks, names if rows else [""] * len(names), **style)


def plain_text(text: str) -> str:
    """Keeps matplotlib from reading dollar signs as mathematics."""
    return text.replace("$", r"\$")


def to_png(figure: Any) -> bytes:
    """Returns a figure as a PNG file; equal figures give equal bytes."""
    # `format="png"` draws with Agg. The name of the software is left out, so
    # that equal figures give equal bytes in every version of matplotlib.
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        bbox_inches="tight",
        pad_inches=0.1,
        metadata={"Software": None},
    )
    return buffer.getvalue()
