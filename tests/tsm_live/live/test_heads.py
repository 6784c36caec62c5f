"""Live runs of a network with several heads."""

import json

import numpy as np
import pytest

from testing.artifacts import two_head_artifact
from testing.shared_data import fixture
from testing.videos import opencv_frames
from tsm_live import StreamingSession
from tsm_live.cli.main import main
from tsm_live.decision.gestures import DecisionConfig, GestureDecision
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import open_sessions
from tsm_live.sources.video_file import VideoFile

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

# So that the random network sees gestures everywhere.
_EAGER = DecisionConfig(
    average=0.1, start_score=0.4, end_score=0.3, min_duration=0, cooldown=0
)


class _Recorder:
    """A view that keeps what it is shown."""

    def __init__(self):
        self.states = []

    def show(self, state):
        self.states.append(state)

    def poll(self):
        return []

    def close(self):
        pass


def _run(decision):
    path, view, events = fixture("imageio_realshort.mp4"), _Recorder(), []
    (summary,), errors = run_live(
        [VideoFile(path)],
        open_sessions(two_head_artifact(), 1),
        [[view]],
        LiveConfig(decision),
        on_event=lambda source, event: events.append(event),
    )
    assert not errors
    return view.states, events, summary


def _decided_alone(name, config, times):
    """Returns what a decision about one head alone gives: the oracle."""
    session = StreamingSession(two_head_artifact())
    (head,) = [head for head in session.spec.heads if head.name == name]
    decision = GestureDecision(head.labels, config, name)
    events, scores = [], []
    frames = opencv_frames(fixture("imageio_realshort.mp4"))
    for time, frame in zip(times, frames, strict=True):
        prediction = session.step(frame, color="bgr")
        events += decision.update(time, prediction.heads[name].logits)
        scores.append(decision.scores)
    return events + decision.end(), scores


def test_each_head_decides_as_if_it_were_alone():
    rules = {"verb": _EAGER, "noun": DecisionConfig(0.5, 0.3, 0.2, 0.1, 0.0)}
    states, events, summary = _run(rules)
    times = [state.time for state in states]
    for name, config in rules.items():
        expected, scores = _decided_alone(name, config, times)
        assert expected  # There is something to compare.
        assert [event for event in events if event.head == name] == expected
        found = [state.heads[name].scores for state in states]
        np.testing.assert_allclose(found, scores, atol=1e-6)
        shown = states[-1].heads[name]
        assert set(shown.events) <= set(expected)
        assert summary.heads[name].label == shown.label
    starts = [event for event in events if event.kind == "start"]
    assert summary.gestures == len(starts)
    assert f"verb {summary.heads['verb'].label}" in str(summary)
    assert f"noun {summary.heads['noun'].label}" in str(summary)


def test_what_belongs_to_one_head_is_not_guessed():
    states, _, summary = _run(_EAGER)
    prediction = StreamingSession(two_head_artifact()).step(states[0].frame)
    for owner, name in (
        (prediction, "label"),
        (prediction, "logits"),
        (states[0], "gesture"),
        (summary, "label"),
    ):
        with pytest.raises(ValueError, match=rf"`{name}`.*\['verb', 'noun'\]"):
            getattr(owner, name)


def _events(tmp_path, *flags):
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    source = f"--source={fixture('imageio_realshort.mp4')}"
    eager = "--average=0", "--start_score=0.35", "--end_score=0.3"
    model = f"--model={two_head_artifact()}"
    flags = model, source, f"--events={path}", *eager, *flags
    assert main(flags) == 0
    return [json.loads(line) for line in path.open()]


def test_events_on_the_command_line_name_their_head(tmp_path, capsys):
    both = _events(tmp_path)
    assert {event["head"] for event in both} == {"verb", "noun"}
    assert "verb " in capsys.readouterr().out
    alone = _events(tmp_path, "--head=noun", "--quiet")
    assert alone == [event for event in both if event["head"] == "noun"]
    without = _events(tmp_path, "--no_gesture=none", "--ignored=drawer")
    assert not {event["label"] for event in without} & {"none", "drawer"}


def test_a_head_that_is_not_there_is_named(tmp_path, capsys):
    source = f"--source={fixture('imageio_realshort.mp4')}"
    model = f"--model={two_head_artifact()}"
    assert main([model, source, "--events=-", "--head=adverb"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "['verb', 'noun']" in error
    assert error.endswith("Received: head='adverb'\n")
