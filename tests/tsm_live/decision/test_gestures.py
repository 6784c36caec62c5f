import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm_live.decision.gestures import DecisionConfig, GestureDecision

# What is said here is NumPy alone: one Keras is enough.
pytestmark = pytest.mark.keras3_only

_LABELS = ("swipe", "push", "nothing", "other")
_AT_ONCE = DecisionConfig(average=0, min_duration=0, cooldown=0)


def _logits(label, score=0.9):
    """Returns logits whose softmax gives a label this score."""
    rest = (1 - score) / (len(_LABELS) - 1)
    return np.log([score if name == label else rest for name in _LABELS])


def _run(decision, script):
    """Feeds (time, label, score) rows; returns events as short tuples."""
    events = []
    for time, label, score in script:
        events += decision.update(time, _logits(label, score))
    return _short(events)


def _short(events):
    return [(event.kind, event.label, event.time) for event in events]


def test_a_gesture_starts_and_ends_once():
    decision = GestureDecision(_LABELS, _AT_ONCE)
    script = [(0, "swipe", 0.5), (1, "swipe", 0.7), (2, "swipe", 0.9)]
    assert _run(decision, script) == [("start", "swipe", 1)]
    assert decision.gesture == "swipe"
    # Between the scores nothing changes.
    assert _run(decision, [(3, "swipe", 0.5), (4, "swipe", 0.65)]) == []
    (end,) = decision.update(5, _logits("swipe", 0.39))
    assert _short([end]) == [("end", "swipe", 5)]
    assert end.score == pytest.approx(0.9)  # The best of its time.
    assert decision.gesture is None and decision.end() == []


def test_an_end_of_the_stream_ends_the_gesture():
    decision = GestureDecision(_LABELS, _AT_ONCE)
    _run(decision, [(3, "push", 0.9)])
    assert _short(decision.end()) == [("end", "push", 3)]
    assert not decision.scores.any()
    # A new stream, in which time starts again.
    assert _run(decision, [(0, "push", 0.9)]) == [("start", "push", 0)]


def test_a_gesture_must_lead_for_a_while():
    config = dataclasses.replace(_AT_ONCE, min_duration=1.0)
    decision = GestureDecision(_LABELS, config)
    script = [
        *((0.0, "swipe", 0.9), (0.9, "swipe", 0.9), (0.95, "push", 0.9)),
        *((1.5, "push", 0.9), (1.9, "push", 0.9), (1.95, "push", 0.9)),
    ]
    assert _run(decision, script) == [("start", "push", 1.95)]


def test_another_gesture_takes_over():
    config = dataclasses.replace(_AT_ONCE, end_score=0.0, min_duration=1.0)
    decision = GestureDecision(_LABELS, config)
    times = np.arange(0, 2, 0.5)
    _run(decision, [(time, "swipe", 0.9) for time in times])
    script = [(2 + time, "push", 0.9) for time in times]
    assert _run(decision, script) == [
        ("end", "swipe", 3.0),
        ("start", "push", 3.0),
    ]


def test_none_starts_while_it_cools_down():
    config = dataclasses.replace(_AT_ONCE, cooldown=1.0)
    decision = GestureDecision(_LABELS, config)
    script = [(0, "swipe", 0.9), (1, "nothing", 0.9)]
    _run(decision, script)
    script = [(time, "push", 0.9) for time in (1.25, 1.5, 1.75, 2.0, 2.25)]
    assert _run(decision, script) == [("start", "push", 2.0)]


def test_a_reset_does_not_shorten_the_cooldown():
    config = dataclasses.replace(_AT_ONCE, cooldown=1.0)
    decision = GestureDecision(_LABELS, config)
    _run(decision, [(0, "swipe", 0.9)])
    assert _short(decision.end()) == [("end", "swipe", 0)]
    script = [(time, "push", 0.9) for time in (0.25, 0.75, 1.0)]
    assert _run(decision, script) == [("start", "push", 1.0)]


def test_where_time_starts_again_so_does_the_cooldown():
    config = dataclasses.replace(_AT_ONCE, cooldown=1.0)
    decision = GestureDecision(_LABELS, config)
    _run(decision, [(100, "swipe", 0.9)])
    decision.end()
    script = [(time, "push", 0.9) for time in (0.0, 0.5, 1.0)]
    assert _run(decision, script) == [("start", "push", 1.0)]


def test_an_end_after_the_last_frame():
    config = dataclasses.replace(_AT_ONCE, cooldown=1.0)
    decision = GestureDecision(_LABELS, config)
    _run(decision, [(0, "swipe", 0.9)])
    assert _short(decision.end(3.0)) == [("end", "swipe", 3.0)]
    script = [(3.5, "push", 0.9), (4.0, "push", 0.9)]
    assert _run(decision, script) == [("start", "push", 4.0)]


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60, 30_000 / 1001])
def test_a_duration_of_whole_frames_is_exact(fps):
    """It is as many frames long wherever the gesture begins."""
    for frames, first in itertools.product((3, 6, 12), range(300)):
        config = dataclasses.replace(
            _AT_ONCE, min_duration=frames / fps, cooldown=frames / fps
        )
        decision = GestureDecision(_LABELS, config)
        decision.update(first / fps, _logits("push", 0.26))
        script = [((first + n) / fps, "swipe", 0.9) for n in range(1, 20)]
        ((_, _, time),) = _run(decision, script)
        assert time == (first + 1 + frames) / fps


def test_no_gesture_wins_and_is_none():
    config = dataclasses.replace(_AT_ONCE, no_gesture=("nothing", "other"))
    decision = GestureDecision(_LABELS, config)
    script = [(0, "nothing", 0.9), (1, "swipe", 0.9), (2, "nothing", 0.9)]
    assert _run(decision, script) == [
        ("start", "swipe", 1),
        ("end", "swipe", 2),
    ]
    assert decision.scores[2] == pytest.approx(0.9)


def test_ignored_classes_do_not_compete():
    config = dataclasses.replace(_AT_ONCE, ignored=("nothing",))
    decision = GestureDecision(_LABELS, config)
    logits = np.log([0.09, 0.005, 0.9, 0.005])
    assert _short(decision.update(0, logits)) == [("start", "swipe", 0)]
    assert decision.scores == pytest.approx([0.9, 0.05, 0, 0.05])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"average": -1}, "average=-1"),
        ({"cooldown": math.inf}, "cooldown=inf"),
        ({"start_score": 0.3}, "end_score=0.4, start_score=0.3"),
        ({"start_score": 1.5}, "start_score=1.5"),
        ({"ignored": ("swip",)}, r"such as \['swipe'\].*Received: 'swip'"),
        ({"no_gesture": ("none",)}, "Received: 'none'"),
        ({"no_gesture": _LABELS}, "leave no class"),
    ],
)
def test_refusals(fields, message):
    with pytest.raises(ValueError, match=message):
        GestureDecision(_LABELS, DecisionConfig(**fields))


def test_time_must_not_go_back():
    decision = GestureDecision(_LABELS)
    decision.update(1.0, _logits("swipe"))
    with pytest.raises(ValueError, match=r"Received: time=0\.5"):
        decision.update(0.5, _logits("swipe"))


_CONFIGS = st.builds(
    lambda scores, **fields: DecisionConfig(
        end_score=min(scores), start_score=max(scores), **fields
    ),
    scores=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    average=st.floats(0, 3),
    min_duration=st.floats(0, 2),
    cooldown=st.floats(0, 2),
    no_gesture=st.sampled_from([(), ("nothing",)]),
    ignored=st.sampled_from([(), ("other",), ("push", "other")]),
)
_SCRIPTS = st.lists(
    st.tuples(
        st.floats(0, 1.5),  # Seconds since the last frame.
        st.lists(st.floats(-9, 9), min_size=4, max_size=4).map(np.array),
    ),
    max_size=40,
)


def _timed(script):
    """Turns seconds since the last frame into times."""
    return zip(
        np.cumsum([step for step, _ in script]).tolist(),
        [logits for _, logits in script],
        strict=True,
    )


def _microseconds(seconds):
    return round(1e6 * seconds)


def _events(config, script, change=lambda logits: logits, labels=_LABELS):
    decision = GestureDecision(labels, config)
    events = []
    for time, logits in _timed(script):
        events += decision.update(time, change(logits))
    return events + decision.end()


@given(_CONFIGS, _SCRIPTS)
def test_laws_of_events(config, script):
    events = _events(config, script)
    starts, ends = events[::2], events[1::2]
    assert len(starts) == len(ends)
    for start, end in zip(starts, ends, strict=True):
        assert (start.kind, end.kind) == ("start", "end")
        assert start.label == end.label
        assert start.label not in (*config.no_gesture, *config.ignored)
        assert start.time <= end.time
        assert config.start_score <= start.score <= end.score <= 1
    for end, start in zip(ends, starts[1:], strict=False):
        passed = _microseconds(start.time) - _microseconds(end.time)
        assert passed >= _microseconds(config.cooldown)


@given(_CONFIGS, _SCRIPTS)
def test_scores_are_the_softmax_of_the_mean(config, script):
    decision = GestureDecision(_LABELS, config)
    rows = list(_timed(script))
    for number, (time, logits) in enumerate(rows):
        decision.update(time, logits)
        recent = [
            each
            for past, each in rows[: number + 1]
            if _microseconds(time) - _microseconds(past)
            <= _microseconds(config.average)
        ]
        weights = np.exp(np.mean(recent, axis=0))
        weights[[name in config.ignored for name in _LABELS]] = 0
        expected = weights / weights.sum()
        np.testing.assert_allclose(decision.scores, expected, atol=1e-6)


@given(_CONFIGS, _SCRIPTS, st.permutations(range(4)))
def test_the_order_of_classes_means_nothing(config, script, order):
    order = list(order)
    found = _events(
        config, script, lambda x: x[order], [_LABELS[i] for i in order]
    )
    expected = _events(config, script)
    scores = sorted(x for _, logits in script for x in logits)
    if all(np.diff(scores) > 1e-6):  # Without ties, in float32 too.
        assert _short(found) == _short(expected)


@given(_CONFIGS, st.integers(1, 20), st.floats(0.5, 5))
def test_the_rate_of_frames_means_nothing(config, rate, seconds):
    """A gesture that is shown for a while starts when it has led enough."""
    decision = GestureDecision(_LABELS, config)
    script = [(n / rate, "swipe", 0.97) for n in range(int(seconds * rate) + 1)]
    events = _run(decision, script)
    if config.start_score > 0.95:
        return
    shortest = _microseconds(config.min_duration)
    if _microseconds(script[-1][0]) < shortest:
        assert not events
    else:
        ((_, label, time),) = events
        assert label == "swipe"
        assert shortest <= _microseconds(time)
        assert time <= config.min_duration + 1 / rate + 1e-6
