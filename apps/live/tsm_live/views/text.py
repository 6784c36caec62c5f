"""put_text: draws a line of text of a given height and limited width.

OpenCV 5 draws any script. OpenCV 4 draws only ASCII, so that accents are left
out and other characters become `?`.
"""

import functools
import unicodedata

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX  # OpenCV 5 draws all text in its own font.
_ANY_SCRIPT = int(cv2.__version__.partition(".")[0]) >= 5
_CUT = "…" if _ANY_SCRIPT else "..."


def put_text(
    picture: np.ndarray,
    text: str,
    corner: tuple[int, int],
    height: int,
    color: tuple[int, int, int],
    *,
    width: int | None = None,
    bold: bool = False,
    align_right: bool = False,
) -> None:
    """Draws one line of text into a picture.

    Args:
        picture: The `[H, W, 3]` uint8 BGR picture, which is changed.
        text: The text. A character that cannot be printed becomes a space.
        corner: The (x, y) of the top left corner of the line.
        height: The height of the line in pixels.
        color: The colour as BGR.
        width: The maximum width in pixels. Longer text is cut and ends in
            dots.
        bold: Whether the strokes are thick.
        align_right: Whether `corner` is the top right corner instead.
    """
    fitted, text_width, above = _fit(text, height, width, bold)
    x, y = corner
    cv2.putText(
        picture,
        fitted,
        (x - text_width if align_right else x, y + above),
        _FONT,
        _scale(height),
        color,
        _thickness(height, bold),
        cv2.LINE_AA,
    )


def text_width(text: str, height: int) -> int:
    """Returns the width in pixels of a line of text of a given height."""
    _, width, _ = _fit(text, height, None, False)
    return width


@functools.lru_cache(maxsize=1024)
def _fit(text, height, width, bold):
    """Returns the fitting text, its width and its height above the baseline."""
    text = _drawable(text)
    size = functools.partial(
        cv2.getTextSize,
        fontFace=_FONT,
        fontScale=_scale(height),
        thickness=_thickness(height, bold),
    )
    fitted = text
    for length in range(len(text) - 1, -1, -1):
        if width is None or size(fitted)[0][0] <= width:
            break
        fitted = text[:length].rstrip() + _CUT if length else ""
    return fitted, size(fitted)[0][0], size("Ag")[0][1]


def _drawable(text):
    text = "".join(c if c.isprintable() else " " for c in text)
    if _ANY_SCRIPT:
        return text
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain.encode("ascii", "replace").decode()


@functools.lru_cache(maxsize=64)
def _scale(height):
    (_, above), below = cv2.getTextSize("Ag", _FONT, 1.0, 1)
    return height / (above + below)


def _thickness(height, bold):
    # OpenCV 5 takes a weight (1 regular, 2 bold), OpenCV 4 takes pixels.
    return (1 if _ANY_SCRIPT else max(1, round(height / 20))) + bold
