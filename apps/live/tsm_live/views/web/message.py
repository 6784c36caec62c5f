"""encode_message: encodes a state of a live run for browsers."""

import json
import math
import struct

import cv2

from tsm_live.live.live_state import LiveState
from tsm_live.views.drawing import (
    TIMELINE,
    class_hue,
    readable,
    title,
    top,
)
from tsm_live.views.timeline import gesture_spans

_LONGEST = 1280  # The maximum width and height in pixels.
_QUALITY = 80  # The quality of the JPEG.
_FIGURES = ("time", "latency", "fps", "processed", "dropped", "resets")


def encode_message(state: LiveState) -> bytes:
    """Encodes a state as one message.

    Returns:
        The length of the JSON text (4 bytes, big-endian), the JSON text, and
        the frame as JPEG, mirrored if it is from a webcam.
    """
    frame = state.frame
    scale = _LONGEST / max(frame.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    if state.is_webcam:
        frame = cv2.flip(frame, 1)
    _, picture = cv2.imencode(
        ".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    words = json.dumps(_words(state), allow_nan=False).encode()
    return struct.pack(">I", len(words)) + words + picture.tobytes()


def _words(state):
    return {
        "source": state.source,
        "accelerator": state.accelerator,
        "heads": [_head(state, name) for name in state.heads],
        "timeline": TIMELINE,
        **{name: _finite(getattr(state, name)) for name in _FIGURES},
    }


def _head(state, name):
    head = state.heads[name]

    def named(label, **figures):
        return {
            "label": readable(label),
            "hue": round(360 * class_hue(head, label)),
            **{name: _finite(value) for name, value in figures.items()},
        }

    return {
        "title": title(state, name),
        "gesture": head.gesture and named(head.gesture),
        "top": [named(label, score=score) for label, score in top(state, name)],
        "spans": [
            named(span.label, start=span.start, end=span.end)
            for span in gesture_spans(head, state.time, TIMELINE)
        ],
    }


def _finite(value):
    return value if math.isfinite(value) else 0
