"""gesture_spans: the starts and ends of the latest gestures."""

import dataclasses

from tsm_live.live.live_state import HeadState


@dataclasses.dataclass(frozen=True)
class Span:
    """The time span of a gesture.

    Attributes:
        label: The label of the gesture.
        start: The time of its start, in seconds of the stream.
        end: The time of its end, or the current time if it has not ended.
    """

    label: str
    start: float
    end: float


def gesture_spans(head: HeadState, now: float, seconds: float) -> list[Span]:
    """Returns the gestures of a head in the last `seconds`, oldest first.

    If the start of a gesture is no longer among the events, its span begins at
    the end of the gesture before it, or at the start of the `seconds`.
    """
    earliest = since = now - seconds
    spans = []
    for event in head.events:
        if event.kind == "end":
            spans.append(Span(event.label, since, event.time))
        since = event.time
    if head.gesture is not None:
        spans.append(Span(head.gesture, since, now))
    return [
        dataclasses.replace(span, start=max(span.start, earliest))
        for span in spans
        if span.end >= earliest
    ]
