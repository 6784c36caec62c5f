"""Pictures of predictions and of clips, as the bytes of PNG files.

Figures are made without pyplot: nothing global is read or changed, no window
opens, and any thread may draw.
"""

import io
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from tsm_keras.evaluation.predictions import Predictions

# Okabe and Ito's colours: told apart with any colour vision, and in print.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
INK, FAINT = "#24292f", "#8c959f"
_DPI = 150

_MAX_CLASSES_WITH_NUMBERS = 20  # More cells are too small to hold a number.
_MAX_CLASSES_WITH_NAMES = 60


def confusion_matrices(predictions: Mapping[str, Predictions]) -> bytes:
    """Draws how often each class is taken for each, a matrix a model.

    Rows are the truth and sum to 100%; the row of a class without clips is
    empty.

    Args:
        predictions: What each model said, by the model's name. All of the
            same classes.

    Returns:
        A PNG file.

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
    """Draws how top-1 grows with the frames that are seen, a line a model.

    Args:
        predictions: What each model said, by the model's name.
        horizontal: Accuracies in [0, 1] to compare with, by their names: of a
            model that needs the whole clip, or a bound.

    Returns:
        A PNG file.

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
    """Draws shares in [0, 1] against something.

    Args:
        lines: x and y of each, by its name.
        xlabel: What x is; a count, unless `percent_x`.
        ylabel: What y is.
        horizontal: Shares to compare with, by their names.
        percent_x: Whether x is a share, too.

    Returns:
        A PNG file.
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
            # Circles at 100% are whole, on top of the frame.
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
    # Below the axes, where no line can be.
    figure.legend(
        loc="outside lower center", ncols=2, frameon=False, labelcolor=INK
    )
    return to_png(figure)


def contact_sheet(frames: np.ndarray, *, columns: int | None = None) -> bytes:
    """Lays the frames of a clip side by side, in reading order.

    Args:
        frames: `[T, H, W, 3]` uint8 RGB.
        columns: Frames a row; None for one row of up to 8.

    Returns:
        A PNG file with the frames pixel by pixel, thin white lines between
        them and white where the last row has none.

    Raises:
        ValueError: If `frames` is something else or `columns` is below 1.
    """
    if (
        frames.ndim != 4
        or frames.shape[3] != 3
        or 0 in frames.shape
        or frames.dtype != np.uint8
    ):
        raise ValueError(
            "`frames` must be [T, H, W, 3] uint8, none of them 0. "
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
    """Returns the one tuple of classes of all predictions."""
    all_names = {item.label_names for item in predictions.values()}
    if len(all_names) != 1:
        raise ValueError(
            "`predictions` must hold at least one, all of the same classes. "
            f"Received: {len(predictions)} of {len(all_names)} sets of classes"
        )
    return all_names.pop()


def new_figure(width: float, height: float, layout: Any) -> Any:
    """Returns an empty matplotlib figure, in inches."""
    # matplotlib takes half a second to import: only who draws waits for it.
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
    # Once a row of matrices is enough.
    axes.set_yticks(ticks, names if rows else [""] * len(names), **style)


def plain_text(text: str) -> str:
    """Keeps matplotlib from reading dollar signs as mathematics."""
    return text.replace("$", r"\$")


def to_png(figure: Any) -> bytes:
    """Returns a figure as a PNG file; equal figures give equal bytes."""
    # `format="png"` draws with Agg. No software name: equal figures are equal
    # bytes, whatever the version says of itself.
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        bbox_inches="tight",
        pad_inches=0.1,
        metadata={"Software": None},
    )
    return buffer.getvalue()
