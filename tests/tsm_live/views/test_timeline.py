import pytest

from testing.live_states import live_state
from tsm_live.decision.gestures import GestureEvent
from tsm_live.views import timeline
from tsm_live.views.timeline import Span


def gesture_spans(state, seconds):
    """Returns the gestures of the only head."""
    (head,) = state.heads.values()
    return timeline.gesture_spans(head, state.time, seconds)


def _event(kind, label, time):
    return GestureEvent(kind, label, 0.5, time)


def test_gestures_that_ended_and_the_one_that_goes_on():
    assert gesture_spans(live_state(), 20.0) == [
        Span("push", 3.0, 5.0),
        Span("swipe_left", 9.0, 10.0),
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (6.0, [Span("push", 4.0, 5.0), Span("swipe_left", 9.0, 10.0)]),
        (4.0, [Span("swipe_left", 9.0, 10.0)]),
        (0.5, [Span("swipe_left", 9.5, 10.0)]),
    ],
)
def test_what_is_older_is_cut(seconds, expected):
    assert gesture_spans(live_state(), seconds) == expected


def test_a_start_that_is_forgotten_was_long_ago():
    state = live_state(events=(_event("end", "push", 5.0),), gesture="pull")
    assert gesture_spans(state, 8.0) == [
        Span("push", 2.0, 5.0),
        Span("pull", 5.0, 10.0),
    ]


def test_no_gesture_at_all():
    assert gesture_spans(live_state(events=(), gesture=None), 8.0) == []
    assert gesture_spans(live_state(events=()), 8.0) == [
        Span("swipe_left", 2.0, 10.0)
    ]
