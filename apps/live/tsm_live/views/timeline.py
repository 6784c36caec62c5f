"""gesture_spans: when each of the latest gestures began and ended."""

import dataclasses

from tsm_live.live.live_state import LiveState


@dataclasses.dataclass(frozen=True)
class Span:
    """The time of a gesture.

    Attributes:
        label: The label of the gesture.
        start: When it began, in seconds of the stream.
        end: When it ended, likewise; now, if it goes on.
    """

    label: str
    start: float
    end: float


def gesture_spans(state: LiveState, seconds: float) -> list[Span]:
    """Returns the gestures of the last `seconds`, oldest first.

    A gesture whose start is not among the events begins where the gesture
    before it ended, or at the beginning of these seconds.
    """
    earliest = since = state.time - seconds
    spans = []
    for event in state.events:
        if event.kind == "end":
            spans.append(Span(event.label, since, event.time))
        since = event.time
    if state.gesture is not None:
        spans.append(Span(state.gesture, since, state.time))
    return [
        dataclasses.replace(span, start=max(span.start, earliest))
        for span in spans
        if span.end >= earliest
    ]
