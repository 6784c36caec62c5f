"""encode_message: encodes a state of a live run for browsers."""

import json
import math
import struct

import cv2

from tsm_live.live.live_state import LiveState
from tsm_live.views.drawing import enlarged
from tsm_live.views.marks import draw_marks
from tsm_live.views.panel import TIMELINE, panel_of

_LONGEST = 1280  # The maximum width and height in pixels.
_QUALITY = 80  # The quality of the JPEG.
_FIGURES = ("time", "latency", "fps", "processed", "dropped", "resets")


def encode_message(state: LiveState) -> bytes:
    """Encodes a state as one message.

    Returns:
        The length of the JSON text (4 bytes, big-endian), the JSON text, and
        the frame as JPEG, mirrored if it is from a webcam, with the boxes of
        objects. A small frame with boxes is enlarged, so that they can be read.
    """
    panel, frame = panel_of(state), state.frame
    scale = _LONGEST / max(frame.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    if state.is_webcam:
        frame = cv2.flip(frame, 1)
    if panel.marks:
        frame = enlarged(frame).copy()  # The source may still need the frame.
        draw_marks(
            frame,
            panel.marks,
            state.frame.shape,
            is_mirrored=state.is_webcam,
        )
    _, picture = cv2.imencode(
        ".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    words = json.dumps(_words(state, panel), allow_nan=False).encode()
    return struct.pack(">I", len(words)) + words + picture.tobytes()


def _words(state, panel):
    return {
        "source": state.source,
        "accelerator": state.accelerator,
        "heads": [_section(each) for each in panel.sections],
        "timeline": TIMELINE,
        **{name: _finite(getattr(state, name)) for name in _FIGURES},
    }


def _section(section):
    current = section.current
    return {
        "title": section.title,
        "gesture": current and _named(current.label, current.hue),
        "top": [
            _named(bar.label, bar.hue, score=bar.score) for bar in section.bars
        ],
        "spans": [
            _named(span.label, hue, start=span.start, end=span.end)
            for span, hue in section.spans
        ],
    }


def _named(label, hue, **figures):
    return {
        "label": label,
        "hue": round(360 * hue),
        **{name: _finite(value) for name, value in figures.items()},
    }


def _finite(value):
    return value if math.isfinite(value) else 0
