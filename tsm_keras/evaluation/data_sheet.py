"""data_sheet: one picture that shows clips and class counts of a data set."""

from collections.abc import Sequence

import numpy as np

from tsm_keras.evaluation.plots import (
    FAINT,
    INK,
    new_figure,
    plain_text,
    to_png,
)

_WIDTH = 12.0  # Inches.
_ROW = 0.16  # Inches per class in the histogram.


def data_sheet(
    clips: np.ndarray,
    titles: Sequence[str],
    clips_per_label: Sequence[int],
    label_names: Sequence[str],
) -> bytes:
    """Draws one row of frames per clip above a histogram of the classes.

    Args:
        clips: `[N, T, S, S, 3]` uint8 RGB, N at least 1.
        titles: The text above each of the N clips.
        clips_per_label: The number of clips of each class, which is the length
            of its bar.
        label_names: The name of each class, in the same order.

    Returns:
        The bytes of a PNG file.
    """
    num_frames = clips.shape[1]
    frame = min(_WIDTH / num_frames, 2.0)
    heights = [frame + 0.25] * len(clips)
    heights.append(0.7 + _ROW * len(label_names))
    figure = new_figure(_WIDTH, sum(heights), "constrained")
    *rows, histogram = figure.subplots(
        len(heights), height_ratios=heights, squeeze=False
    )[:, 0]
    for axes, clip, title in zip(rows, clips, titles, strict=True):
        gap = np.full((clip.shape[1], max(2, clip.shape[2] // 32), 3), 255)
        strip = [part for each in clip for part in (each, gap)][:-1]
        axes.imshow(np.concatenate(strip, axis=1).astype(np.uint8))
        axes.set_title(plain_text(title), loc="left", fontsize=8, color=INK)
        axes.set_axis_off()
    places = np.arange(len(label_names))
    bars = histogram.barh(places, clips_per_label, color="#0072b2")
    histogram.bar_label(bars, fontsize=7, color=FAINT, padding=2)
    names = [plain_text(name) for name in label_names]
    histogram.set_yticks(places, names, fontsize=7, color=INK)
    histogram.invert_yaxis()
    histogram.set_xlabel("clips", fontsize=8, color=FAINT)
    histogram.tick_params(axis="x", labelsize=7, color=FAINT)
    histogram.spines[["top", "right"]].set_visible(False)
    return to_png(figure)
