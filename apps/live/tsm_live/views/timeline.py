"""gesture_spans, object_spans: when the latest gestures or objects were."""

import dataclasses

from tsm_live.decision.head_decisions import HeadState
from tsm_live.decision.object_decision import ObjectEvent, ObjectState


@dataclasses.dataclass(frozen=True)
class Span:
    """The time span of a gesture, or of an object's presence.

    Attributes:
        label: The label of the gesture or the object.
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
    return _cut(spans, earliest)


def object_spans(state: ObjectState, now: float, seconds: float) -> list[Span]:
    """Returns the presence of objects in the last `seconds`.

    The objects that have disappeared come first. An object whose appearance is
    no longer among the events is left out.
    """
    present: dict[int, ObjectEvent] = {}
    spans = []
    for event in state.events:
        if event.kind == "appear":
            present[event.track] = event
        elif event.track in present:
            start = present.pop(event.track).time
            spans.append(Span(event.label, start, event.time))
    spans += [Span(each.label, each.time, now) for each in present.values()]
    return _cut(spans, now - seconds)


def _cut(spans, earliest):
    return [
        dataclasses.replace(span, start=max(span.start, earliest))
        for span in spans
        if span.end >= earliest
    ]
