"""A network that looks ahead: its answers are late, and nothing shows it."""

import dataclasses
import itertools

import numpy as np
import pytest

from testing.artifacts import random_artifact
from testing.shared_data import fixture
from testing.videos import opencv_frames
from tsm_live import StreamingSession
from tsm_live.cli.annotate import annotate_video
from tsm_live.cli.measure import measure
from tsm_live.decision.gestures import DecisionConfig, GestureDecision
from tsm_live.live.live_state import Command
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import SourceSessions
from tsm_live.sources.video_file import VideoFile

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

# Scores are those of one frame, and a random network has many gestures.
_RULES = DecisionConfig(
    average=0, start_score=0.1, end_score=0.1, min_duration=0, cooldown=0
)


class _Recorder:
    """A view that keeps the states, and gives a command after some of them."""

    def __init__(self, commands=None):
        self.states = []
        self._commands = commands or {}

    def show(self, state):
        self.states.append(state)

    def poll(self):
        command = self._commands.pop(len(self.states), None)
        return [command] if command else []

    def close(self):
        pass


def _session(frame_interval=0.0):
    """Returns a session for two streams whose answers are late."""
    session = StreamingSession(
        random_artifact(shift="bidirectional", lookahead=True, streams=2)
    )
    assert session.delay == 10
    session.spec = dataclasses.replace(
        session.spec, frame_interval=frame_interval
    )
    return session


def _run(paths, views=None, session=None, **options):
    views = views or [_Recorder() for _ in paths]
    events = []
    summaries, errors = run_live(
        [VideoFile(path) for path in paths],
        SourceSessions([session or _session()]),
        [[view] for view in views],
        LiveConfig(_RULES, **options),
        on_event=lambda source, event: events.append((source, event)),
    )
    assert not errors
    return [view.states for view in views], summaries, events


def _expected(frames):
    """Returns the scores of all frames of a stream, from a session alone."""
    session = _session()
    answers = [session.step_streams([x, None], color="bgr")[0] for x in frames]
    answers += session.finish_streams([0])[0]
    return np.array([answer.scores for answer in answers if answer])


def _assert_shows(states, frames, scores):
    assert len(states) == len(frames) == len(scores)
    for state, frame in zip(states, frames, strict=True):
        np.testing.assert_array_equal(state.frame, frame)
    found = [state.scores for state in states]
    np.testing.assert_allclose(found, scores, atol=1e-5)


def test_views_and_events_have_the_frames_of_their_scores():
    # One is longer than the delay, and one is not.
    paths = [
        fixture("imageio_realshort.mp4"),
        fixture("tc_h265_video.mp4"),
    ]
    shown, summaries, events = _run(paths)
    for path, states, summary in zip(paths, shown, summaries, strict=True):
        frames = opencv_frames(path)
        scores = _expected(frames)
        _assert_shows(states, frames, scores)
        assert summary.frames == summary.processed == len(frames)
        assert summary.latency > 0
        # The decision alone, with the time of each frame, is the oracle.
        decision = GestureDecision(states[0].labels, _RULES)
        own = [
            decision.update(state.time, np.log(row))
            for state, row in zip(states, scores, strict=True)
        ]
        own.append(decision.end(states[-1].time))
        expected = [(e.kind, e.label, e.time) for e in itertools.chain(*own)]
        assert len(expected) >= 2
        assert expected == [
            (event.kind, event.label, event.time)
            for source, event in events
            if source == str(path)
        ]


def test_frames_that_the_network_skips_are_shown_in_their_order():
    path = fixture("imageio_realshort.mp4")
    frames = opencv_frames(path)
    view = _Recorder()
    _, (summary,), _ = _run([path], [view], _session(frame_interval=3 / 30.02))
    scores = np.repeat(_expected(frames[::3]), 3, axis=0)
    assert summary.processed == 12
    _assert_shows(view.states, frames, scores)


@pytest.mark.slow
def test_a_cut_and_a_reset_end_a_stream():
    path = fixture("skv_bikes.mp4")
    frames = opencv_frames(path)
    (states,), (summary,), events = _run([path], restart_on_cut=True)
    assert len(states) == len(frames) and summary.resets == 5
    _assert_shows(states[30:76], frames[30:76], _expected(frames[30:76]))
    # The gesture of the first scene ends with it.
    assert any(
        event.kind == "end" and event.time == states[29].time
        for _, event in events
    )
    view = _Recorder({5: Command.RESET})
    path = fixture("imageio_realshort.mp4")
    frames = opencv_frames(path)
    _run([path], [view])
    # The network had taken ten more frames than were shown.
    parts = frames[:15], frames[15:]
    scores = np.concatenate([_expected(part) for part in parts])
    _assert_shows(view.states, frames, scores)


def test_a_run_that_somebody_ends_shows_all_that_the_network_took():
    path = fixture("imageio_realshort.mp4")
    frames = opencv_frames(path)[:22]
    view = _Recorder({12: Command.QUIT})
    _, (summary,), events = _run([path], [view])
    assert summary.processed == 22
    _assert_shows(view.states, frames, _expected(frames))
    assert events[-1][1].kind == "end"


def test_an_annotated_video_has_all_frames(tmp_path):
    summary = annotate_video(
        _session(), fixture("imageio_realshort.mp4"), tmp_path / "out.mp4"
    )
    assert summary.processed == 36
    assert len(opencv_frames(tmp_path / "out.mp4")) == 36


def test_benchmarks_time_answers_only():
    times = measure(_session(), str(fixture("tc_h265_video.mp4")), 5)
    assert all(len(seconds) == 5 for seconds in times.values())
