"""ObjectDecision: events and states of the objects of a detector."""

import dataclasses
import json

import numpy as np
import pytest

from testing.detectors import ChosenNetwork
from testing.specs import DETECTOR, SPEC
from tsm_live.decision.event_log import EventLog
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.decision.object_decision import ObjectDecision, ObjectEvent
from tsm_live.decision.open_decision import open_decision
from tsm_live.detection.tracks import TrackConfig
from tsm_live.sessions.base_session import Session

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

_FRAME = np.zeros((146, 146, 3), np.uint8)
_DOG = (2, 3, 1)  # Row, column, label.
_RULES = TrackConfig(hits=2, misses=2)


def _predictions(*cells):
    chosen = [[cell] for cell in cells]
    session = Session(DETECTOR, lambda: ChosenNetwork(DETECTOR, chosen))
    return [session.step(_FRAME) for _ in cells]


def _told(decision, *cells, start=0.0):
    events = []
    for number, prediction in enumerate(_predictions(*cells)):
        events += decision.update(start + number / 10, prediction)
    return events


def test_an_object_appears_and_disappears():
    decision = ObjectDecision(DETECTOR, _RULES)
    assert not decision.is_active
    appear, disappear = _told(decision, _DOG, _DOG, _DOG, None, None, None)
    box = (48.0, 40.0, 80.0, 56.0)  # Twice (20, 16, 36, 24) + 4.
    score = pytest.approx(1 / (1 + np.exp(-2)))
    assert dataclasses.astuple(appear) == ("appear", 1, "dog", score, 0.1, box)
    assert dataclasses.astuple(disappear) == (
        *("disappear", 1, "dog", score, 0.4, box),
    )
    assert decision.summary() == {
        "found": "objects 1",
        "heads": {},
        "objects": 1,
    }


def test_a_state_has_the_objects_that_are_seen():
    decision = ObjectDecision(DETECTOR, _RULES)
    _told(decision, _DOG)
    assert decision.state()["objects"].objects == ()
    _told(decision, (2, 4, 1))
    (dog,) = decision.state()["objects"].objects
    assert (dog.track, dog.label) == (1, "dog")
    assert dog.box == (64.0, 40.0, 96.0, 56.0)
    assert dog.trail == ((64.0, 48.0), (80.0, 48.0))
    assert decision.state()["objects"].labels == ("cat", "dog", "bird")
    _told(decision, None)
    state = decision.state()["objects"]
    assert state.objects == () and [e.kind for e in state.events] == ["appear"]
    assert decision.is_active


def test_the_end_of_a_stream_lets_objects_disappear():
    decision = ObjectDecision(DETECTOR, _RULES)
    _told(decision, _DOG, _DOG)
    (event,) = decision.end(7.5)
    assert (event.kind, event.track, event.time) == ("disappear", 1, 7.5)
    assert decision.end() == [] and not decision.is_active
    # Time may start again, and numbers go on.
    (event,) = _told(decision, _DOG, _DOG, start=0.0)
    assert (event.track, event.time) == (2, 0.1)
    (event,) = decision.end()
    assert event.time == 0.1


def test_the_users_threshold_replaces_that_of_the_artifact():
    for threshold, appears in ((0.9, False), (0.85, True), (None, True)):
        rules = TrackConfig(threshold=threshold, hits=1)
        events = _told(ObjectDecision(DETECTOR, rules), _DOG)
        assert bool(events) == appears


def test_an_event_is_a_line_of_json(tmp_path):
    log = EventLog(str(tmp_path / "events.jsonl"))
    box = (1.26, 2.0, 3.0, 4.04)
    log.write("0", ObjectEvent("appear", 3, "dog", 0.87654, 1.23456, box))
    log.close()
    (line,) = (tmp_path / "events.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "source": "0",
        "kind": "appear",
        "track": 3,
        "label": "dog",
        "score": 0.8765,
        "time": 1.235,
        "box": [1.3, 2.0, 3.0, 4.0],
    }


def test_rules_of_the_other_task_are_refused():
    for spec, rules in ((DETECTOR, DecisionConfig()), (SPEC, TrackConfig())):
        with pytest.raises(ValueError, match="`decision` must fit the task"):
            open_decision(spec, rules)
    assert isinstance(open_decision(DETECTOR), ObjectDecision)
