"""panel_of: what the views of a run show, whatever the task of its network."""

import dataclasses
import math
from typing import NamedTuple

from tsm_live.decision.object_decision import Box, ObjectState
from tsm_live.live.live_state import LiveState
from tsm_live.sessions.prediction import Scores
from tsm_live.views.timeline import Span, gesture_spans, object_spans

TIMELINE = 20.0  # Seconds that the timeline shows.
_TOP = 5  # The number of bars, for all sections together.


@dataclasses.dataclass(frozen=True)
class Bar:
    """A label with its score.

    Attributes:
        label: The label as people read it.
        score: The score, in [0, 1].
        hue: The hue of its colour, in [0, 1).
        is_current: Whether it is what goes on now.
    """

    label: str
    score: float
    hue: float
    is_current: bool = False


class ColoredSpan(NamedTuple):
    """A time span with the hue of its colour, in [0, 1)."""

    span: Span
    hue: float


@dataclasses.dataclass(frozen=True)
class Section:
    """The result of one head, or of a detector for all its objects.

    Attributes:
        title: What goes on now, in words.
        current: The bar of the gesture or of the best object; None if nothing
            goes on.
        bars: The best classes, or the best objects.
        spans: The latest gestures, or the latest presence of objects.
    """

    title: str
    current: Bar | None
    bars: tuple[Bar, ...]
    spans: tuple[ColoredSpan, ...]


@dataclasses.dataclass(frozen=True)
class Mark:
    """An object that is marked in the picture.

    Attributes:
        bar: Its label and score.
        box: Its box in pixels of the frame.
        trail: The centres of its latest boxes, (x, y), the oldest first.
    """

    bar: Bar
    box: Box
    trail: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Panel:
    """The part of a state that a view shows.

    Attributes:
        sections: One section per head, or one for all objects.
        marks: The objects in the picture, the best last.
    """

    sections: tuple[Section, ...]
    marks: tuple[Mark, ...] = ()


def panel_of(state: LiveState) -> Panel:
    """Returns what a view shows of a state."""
    if state.objects is not None:
        return _of_objects(state.objects, state.time)
    return Panel(tuple(_of_head(state, name) for name in state.heads))


def readable(label: str) -> str:
    """Returns a label with spaces for underscores, e.g. `swipe left`."""
    return label.replace("_", " ")


def title(state: LiveState, name: str) -> str:
    """Returns what to write for a head, e.g. `swipe left` or `verb: open`."""
    gesture = state.heads[name].gesture
    if len(state.heads) == 1:
        return "no gesture" if gesture is None else readable(gesture)
    if gesture is None:
        return f"no {readable(name)}"
    return f"{readable(name)}: {readable(gesture)}"


def class_hue(classes: Scores | ObjectState, label: str) -> float:
    """Returns a hue in [0, 1), far from the hues of neighbouring classes."""
    labels = classes.labels
    index = labels.index(label) if label in labels else 0
    return (0.38 + index * 0.381966) % 1  # The golden angle.


def _of_head(state, name):
    head = state.heads[name]

    def bar(label, score=0.0):
        hue = class_hue(head, label)
        return Bar(readable(label), score, hue, label == head.gesture)

    return Section(
        title=title(state, name),
        current=None if head.gesture is None else bar(head.gesture),
        bars=tuple(
            bar(label, score)
            for label, score in head.top(math.ceil(_TOP / len(state.heads)))
        ),
        spans=_colored(head, gesture_spans(head, state.time, TIMELINE)),
    )


def _of_objects(state, now):
    marks = sorted(
        (
            Mark(
                Bar(
                    f"{readable(each.label)} {each.track}",
                    each.score,
                    class_hue(state, each.label),
                    is_current=True,
                ),
                each.box,
                each.trail,
            )
            for each in state.objects
        ),
        key=lambda mark: mark.bar.score,
    )
    bars = tuple(mark.bar for mark in reversed(marks))
    count = {0: "no objects", 1: "1 object"}
    section = Section(
        title=count.get(len(bars), f"{len(bars)} objects"),
        current=bars[0] if bars else None,
        bars=bars[:_TOP],
        spans=_colored(state, object_spans(state, now, TIMELINE)),
    )
    return Panel((section,), tuple(marks))


def _colored(classes, spans):
    return tuple(
        ColoredSpan(
            dataclasses.replace(span, label=readable(span.label)),
            class_hue(classes, span.label),
        )
        for span in spans
    )
