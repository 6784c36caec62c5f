"""gesture_spans: from when to when each of the latest gestures went on."""

import dataclasses

from tsm_live.live_state import LiveState


@dataclasses.dataclass(frozen=True)
class Span:
    """A gesture in time.

    Attributes:
        label: Of the gesture.
        start: In seconds of the stream.
        end: Likewise; now, for the gesture that goes on.
    """

    label: str
    start: float
    end: float


def gesture_spans(state: LiveState, seconds: float) -> list[Span]:
    """Returns the gestures of the last `seconds`, oldest first.

    One whose start is no longer among the events began before these seconds.
    """
    earliest = state.time - seconds
    spans, label, start = [], None, earliest
    for event in state.events:
        if event.kind == "end":
            spans.append(Span(event.label, start, event.time))
            label, start = None, event.time
        else:
            label, start = event.label, event.time
    if state.gesture is not None:
        began = start if label == state.gesture else earliest
        spans.append(Span(state.gesture, began, state.time))
    return [
        dataclasses.replace(span, start=max(span.start, earliest))
        for span in spans
        if span.end >= earliest
    ]
