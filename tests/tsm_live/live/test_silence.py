"""Gestures end when their source is silent or has ended, not with the run."""

import threading
import time

import numpy as np
import pytest

from testing.artifacts import random_artifact
from testing.network_camera import NetworkCamera
from testing.shared_data import fixture
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.live.live_state import Command
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import open_sessions
from tsm_live.sources.camera import Camera
from tsm_live.sources.source import TimedFrame
from tsm_live.sources.video_file import VideoFile

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

# So that a random network sees one gesture everywhere.
_EAGER = DecisionConfig(
    average=0, start_score=0, end_score=0, min_duration=0, cooldown=0
)
_LIMIT = 50  # No run takes longer unless it has failed.
_TIMEOUT = 60  # A read that waits for this long must not matter.


class _Log:
    """Events and when they came; a view that keeps what it shows."""

    def __init__(self, commands=()):
        self.start = time.monotonic()
        self.events, self.times, self.states = [], [], []
        self._commands = list(commands)

    def on_event(self, source, event):
        self.events.append((source, event))
        self.times.append(time.monotonic() - self.start)

    def show(self, state):
        self.states.append(state)

    def poll(self):
        if not self.states or not self._commands:
            return []
        return [self._commands.pop()]

    def close(self):
        pass


def _run(sources, log, wants_end, config):
    # To make the artifact may take long, and is not part of the run.
    sessions = open_sessions(random_artifact(), len(sources))
    log.start = time.monotonic()
    return run_live(
        sources,
        sessions,
        [[log]] * len(sources),
        config,
        on_event=log.on_event,
        wants_end=lambda: wants_end() or time.monotonic() > log.start + _LIMIT,
    )


@pytest.mark.parametrize("scheme", ["tcp", "rtsp"])
@pytest.mark.parametrize("max_gap", [None, 0.4, float("inf")])
def test_a_silent_camera_ends_its_gesture(scheme, max_gap):
    log = _Log()
    with NetworkCamera([(25, "stall")], scheme) as camera:
        _run(
            [Camera(camera.address, timeout=_TIMEOUT)],
            log,
            lambda: log.events and log.events[-1][1].kind == "end",
            LiveConfig(_EAGER, max_gap=max_gap),
        )
    limit = 0.4 if max_gap == 0.4 else 1.0
    end = log.events[-1][1]
    last = [state for state in log.states if state.gesture is not None][-1]
    # By the clock, both in the event and in the world.
    assert limit <= end.time - last.time < limit + 20
    assert log.times[-1] - log.times[-2] >= limit
    # Who watches sees that it has ended.
    assert log.states[-1].gesture is None
    assert log.states[-1].time == end.time
    np.testing.assert_array_equal(log.states[-1].frame, last.frame)


def test_a_camera_that_hangs_up_ends_its_gesture_before_it_is_back():
    log = _Log()
    with NetworkCamera([(25, "hang up")]) as camera:
        _run(
            [Camera(camera.address, timeout=_TIMEOUT)],
            log,
            lambda: log.events and log.events[-1][1].kind == "end",
            LiveConfig(_EAGER),
        )
    assert log.times[-1] < _LIMIT


def test_a_pause_ends_the_gesture_of_a_camera():
    log = _Log([Command.PAUSE])
    with NetworkCamera([(240, "stall")]) as camera:
        _run(
            [Camera(camera.address, timeout=_TIMEOUT)],
            log,
            lambda: log.events and log.events[-1][1].kind == "end",
            LiveConfig(_EAGER, max_gap=0.5),
        )
    assert log.states[-1].gesture is None and log.times[-1] < _LIMIT
    # The camera goes on meanwhile, but nobody sees it.
    assert sum(state.gesture is not None for state in log.states) < 50


class _Waiting:
    """A source that gives one frame, as of a file, and then waits."""

    name, is_live, is_webcam, fps = "waiting", False, False, 30.0

    def __init__(self):
        self._frames = [TimedFrame(np.zeros((64, 64, 3), np.uint8), 0.0)]
        self._stopped = threading.Event()

    def read(self):
        if self._frames:
            return self._frames.pop()
        self._stopped.wait()
        return None

    def stop(self):
        self._stopped.set()

    def close(self):
        pass


def test_a_file_that_ends_beside_another_source_ends_its_gesture():
    path = fixture("tc_h265_video.mp4")
    log = _Log()
    ended_at = []

    def wants_end():
        ends = [name for name, event in log.events if event.kind == "end"]
        if str(path) in ends and not ended_at:
            ended_at.append(time.monotonic())
        return ended_at and time.monotonic() - ended_at[0] > 1.5

    _run([VideoFile(path), _Waiting()], log, wants_end, LiveConfig(_EAGER))
    own = [event for name, event in log.events if name == str(path)]
    assert [event.kind for event in own][-1] == "end"
    assert own[-1].time == pytest.approx(0.9)  # The time of its last frame.
    # A file that waits is not live: its gesture goes on to the run's end.
    assert log.events[-1][0] == "waiting"
    assert log.events[-1][1].kind == "end"
    assert log.times[-1] - log.times[-2] > 1
