"""gesture_spans: from when to when each of the latest gestures went on."""

import dataclasses

from tsm_live.live.live_state import LiveState


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

    One whose start is not among the events begins where the one before ended,
    or with these seconds.
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
