"""What views show of the objects of a detector."""

import dataclasses
import json
import struct

import cv2
import numpy as np
import pytest

from testing.live_states import live_state, object_state
from tsm_live.decision.object_decision import TrackedObject
from tsm_live.views.drawing import draw
from tsm_live.views.panel import panel_of
from tsm_live.views.timeline import Span
from tsm_live.views.web.message import encode_message

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

_GREY = np.full((360, 480, 3), 90, np.uint8)


def _object(box, score=0.9, trail=()):
    return TrackedObject(7, "cat", score, box, trail or ((-50.0, -50.0),))


def _drawn(picture, frame):
    """Returns the rows and columns of the pixels that were drawn on."""
    height, width = frame.shape[:2]
    changed = (picture[:height, :width] != frame).any(axis=-1)
    return np.nonzero(changed)


@pytest.mark.parametrize("is_webcam", [False, True])
def test_a_box_is_drawn_where_the_object_is(is_webcam):
    before = _GREY.copy()
    state = object_state(
        _object((100.0, 150.0, 220.0, 300.0)), frame=_GREY, is_webcam=is_webcam
    )
    rows, columns = _drawn(draw(state), _GREY)
    if is_webcam:
        columns = 479 - columns
    # The tag with the label is above it, at its left side as people see it.
    assert abs(rows.max() - 300) <= 2 and 150 - 20 <= rows.min() < 150
    below = rows > 152
    assert abs(columns[below].min() - 100) <= 2
    assert abs(columns[below].max() - 220) <= 2
    # Its inside stays visible, and the frame of the source is not changed.
    inside = (abs(rows - 225) < 60) & (abs(columns - 160) < 50)
    assert not inside.any()
    np.testing.assert_array_equal(_GREY, before)


def test_boxes_of_an_enlarged_frame_are_enlarged():
    small = np.full((90, 120, 3), 90, np.uint8)  # It becomes 360 x 480.
    state = object_state(_object((25.0, 40.0, 55.0, 75.0)), frame=small)
    rows, columns = _drawn(draw(state), _GREY)
    below = rows > 164
    assert abs(columns[below].min() - 100) <= 2
    assert abs(columns[below].max() - 220) <= 2


@pytest.mark.parametrize(
    "box",
    [
        (-30.0, -20.0, 700.0, 900.0),
        (470.0, 350.0, 490.0, 370.0),
        (0.0, 0.0, 0.0, 0.0),
        (-90.0, -90.0, -80.0, -80.0),
        (1e9, 1e9, 2e9, 2e9),
    ],
)
def test_boxes_at_and_beyond_the_edges_can_be_drawn(box):
    shown = _object(box, trail=((-1e12, 5.0), (1e12, 5.0)))
    for state in (
        object_state(shown, frame=_GREY),
        object_state(shown, frame=_GREY, is_webcam=True),
        object_state(shown, frame=np.zeros((1, 1, 3), np.uint8)),
    ):
        assert draw(state).ndim == 3
        encode_message(state)


def test_a_trail_leads_to_the_object():
    shown = _object(
        (300.0, 200.0, 340.0, 240.0), trail=((100.0, 220.0), (320.0, 220.0))
    )
    rows, columns = _drawn(draw(object_state(shown, frame=_GREY)), _GREY)
    line = rows[(columns > 110) & (columns < 280)]
    assert len(line) and (abs(line - 220) <= 2).all()


def test_the_panel_counts_and_lists_objects():
    (section,) = panel_of(object_state()).sections
    assert section.title == "1 object"
    (bar,) = section.bars
    assert (bar.label, bar.score, bar.is_current) == ("big dog 2", 0.8, True)
    assert section.current == bar
    assert [span for span, _ in section.spans] == [
        Span("cat", 3.0, 5.0),
        Span("big dog", 9.0, 10.0),
    ]
    many = [_object((0, 0, 9, 9), score=s / 10) for s in range(1, 9)]
    panel = panel_of(object_state(*many))
    assert panel.sections[0].title == "8 objects"
    assert [bar.score for bar in panel.sections[0].bars] == [
        0.8, 0.7, 0.6, 0.5, 0.4,
    ]  # fmt: skip
    assert panel.marks[-1].bar.score == 0.8  # The best is on top.
    state = object_state()
    none = dataclasses.replace(state.objects, objects=())
    (section,) = panel_of(dataclasses.replace(state, objects=none)).sections
    assert (section.title, section.current) == ("no objects", None)


def test_browsers_get_the_same():
    message = encode_message(object_state(frame=_GREY))
    (length,) = struct.unpack(">I", message[:4])
    (section,) = json.loads(message[4 : 4 + length])["heads"]
    assert section["title"] == "1 object"
    assert section["top"][0]["label"] == "big dog 2"
    assert section["gesture"]["hue"] == section["top"][0]["hue"]
    jpeg = np.frombuffer(message[4 + length :], np.uint8)
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR).astype(int)
    assert abs(picture[40, 20] - 90).max() > 60  # The left edge of the box.
    assert abs(picture[200:] - 90).max() < 20
    # Labels would not be legible in a small picture.
    message = encode_message(object_state(frame=_GREY[:90, :120]))
    (length,) = struct.unpack(">I", message[:4])
    jpeg = np.frombuffer(message[4 + length :], np.uint8)
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert picture.shape == (360, 480, 3)


def test_a_classification_has_no_marks():
    assert panel_of(live_state()).marks == ()
