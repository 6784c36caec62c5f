"""draw: draws a state of a live run as one picture."""

import cv2
import numpy as np

from tsm_live.live.live_state import LiveState
from tsm_live.views.marks import bgr, draw_marks
from tsm_live.views.panel import TIMELINE, panel_of
from tsm_live.views.text import put_text

_SHORTEST = 360  # The short side to which smaller frames are enlarged.
_LONGEST = 1280  # No frame is enlarged beyond this.
_NARROWEST = 320  # The minimum width of the panel in pixels.
# Heights in lines of text: the title of a section, four more lines, a band.
_TITLE, _WORDS, _BAND = 2.05, 5.75, 1.5
_PANEL, _TRACK = (28, 24, 22), (58, 52, 48)  # Colours are BGR.
_BRIGHT, _PLAIN, _DIM = (250, 248, 245), (215, 210, 205), (150, 145, 140)


def draw(state: LiveState) -> np.ndarray:
    """Draws the frame, and the results of the network below it.

    The frame of a webcam is mirrored, because people expect a mirror. A small
    frame is enlarged.

    Args:
        state: The state to draw.

    Returns:
        `[H, W, 3]` uint8 BGR. H and W are even, as video codecs require.
    """
    frame = enlarged(state.frame)
    if state.is_webcam:
        frame = cv2.flip(frame, 1)
    shown = panel_of(state)
    sections = shown.sections
    height, width = frame.shape[:2]
    full_width = _even(max(width, _NARROWEST))
    # The height of a line of text grows with the picture.
    unit = round(max(min(full_width, max(height, full_width / 2)) / 26, 12))
    # The words have more lines than there are bars.
    bands = round((_WORDS + _TITLE * len(sections)) * unit)
    full_height = _even(
        height + bands + round((_BAND * len(sections) + 0.4) * unit)
    )
    left = (full_width - width) // 2
    picture = cv2.copyMakeBorder(
        frame,
        top=0,
        bottom=full_height - height,
        left=left,
        right=full_width - width - left,
        borderType=cv2.BORDER_CONSTANT,
        value=_PANEL,
    )
    draw_marks(
        picture[:height, left : left + width],
        shown.marks,
        state.frame.shape,
        is_mirrored=state.is_webcam,
    )
    panel = picture[height:]
    column = full_width * 46 // 100
    _draw_words(panel[:, :column], state, sections, unit)
    _draw_bars(panel[:, column:], sections, unit)
    for row, section in enumerate(sections):
        band = panel[bands + round(_BAND * row * unit) :]
        _draw_timeline(band, section.spans, state.time, unit)
    return picture


def enlarged(frame: np.ndarray) -> np.ndarray:
    """Returns the frame, enlarged if labels would be too small to read."""
    short, long = sorted(frame.shape[:2])
    scale = min(_SHORTEST / short, _LONGEST / long)
    if scale <= 1:
        return frame
    size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
    return cv2.resize(frame, size)


def _draw_words(panel, state, sections, unit):
    """Draws the title of each section; below, latency, rates and counts."""
    width = panel.shape[1] - unit
    x, y = unit, round(0.6 * unit)
    for section in sections:
        current = section.current
        put_text(
            panel,
            section.title,
            (x, y),
            round(1.7 * unit),
            _DIM if current is None else bgr(current.hue, 0.45),
            width=width - unit,
            bold=current is not None,
        )
        y += round(_TITLE * unit)
    minutes, seconds = divmod(int(state.time), 60)
    for line in (
        f"{state.latency * 1e3:.1f} ms  {state.fps:.1f} fps",
        state.accelerator,
        f"{state.dropped} dropped  {state.resets} reset  "
        f"{state.processed} seen",
        f"{minutes}:{seconds:02d}  {state.source}",
    ):
        put_text(panel, line, (x, y), unit, _DIM, width=width - unit)
        y += round(1.2 * unit)


def _draw_bars(panel, sections, unit):
    """Draws name, bar and percentage of the best classes or objects."""
    width = panel.shape[1] - unit
    bar = width * 46 // 100, width - 3 * unit
    rows = [each for section in sections for each in section.bars]
    for row, best in enumerate(rows):
        y = round((0.7 + 1.3 * row) * unit)
        put_text(
            panel,
            best.label,
            (0, y),
            unit,
            _BRIGHT if best.is_current else _PLAIN,
            width=bar[0] - unit // 2,
        )
        score = best.score if np.isfinite(best.score) else 0.0
        score = min(max(score, 0.0), 1.0)
        lines = slice(y + unit // 8, y + unit - unit // 8)
        filled = bar[0] + round(score * (bar[1] - bar[0]))
        panel[lines, bar[0] : bar[1]] = _TRACK
        panel[lines, bar[0] : filled] = bgr(best.hue, 0.6)
        put_text(
            panel, f"{score:.0%}", (width, y), unit, _DIM, align_right=True
        )


def _draw_timeline(panel, spans, now, unit):
    """Draws the spans of a section on a band; its right end is now."""
    left, right = unit, panel.shape[1] - unit
    band = panel[: round(1.3 * unit), left:right]
    band[:] = _TRACK
    for second in range(0, int(TIMELINE), 5):
        x = round(band.shape[1] * second / TIMELINE)
        band[:, x : x + 1] = _PANEL
    for span, hue in spans:
        start, end = (
            round(band.shape[1] * (1 - (now - time) / TIMELINE))
            for time in (span.start, span.end)
        )
        block = band[:, start : max(end, start + 2)]
        block[:] = bgr(hue, 0.6)
        if block.shape[1] > 2 * unit:
            put_text(
                block,
                span.label,
                (unit // 3, round(0.15 * unit)),
                unit,
                _PANEL,
                width=block.shape[1] - 2 * (unit // 3),
            )


def _even(pixels):
    return pixels + pixels % 2
