import dataclasses
import itertools
import time

import cv2
import numpy as np
import pytest

from testing.artifacts import random_artifact
from testing.gestures import shared_videos
from testing.network_camera import FPS, NetworkCamera
from testing.shared_data import fixture
from testing.videos import opencv_frames
from tsm_live import StreamingSession
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.live.live_state import Command
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import SourceSessions, open_sessions
from tsm_live.sources.camera import Camera
from tsm_live.sources.source import SourceError
from tsm_live.sources.video_file import VideoFile

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

# The scores of a state are then those of its own frame.
_LAST_ALONE = LiveConfig(DecisionConfig(average=0))


class _Recorder:
    """A view that keeps what it is shown, and asks what it is told to."""

    def __init__(self, commands=None, seconds=0.0):
        self.states = []
        self._commands = commands or {}  # By number of states seen.
        self._seconds = seconds

    def show(self, state):
        self.states.append(state)
        time.sleep(self._seconds)

    def poll(self):
        command = self._commands.pop(len(self.states), None)
        return [command] if command else []

    def close(self):
        pass

    @property
    def scores(self):
        return np.array([state.scores for state in self.states])


def _scores(frames):
    """Returns the oracle's: a session's, frame by frame."""
    session = StreamingSession(random_artifact())
    return np.array([session.step(f, color="bgr").scores for f in frames])


def _run(paths, views, config=_LAST_ALONE, *, streams=1, **options):
    options_of_export = {"streams": streams} if streams > 1 else {}
    return run_live(
        [VideoFile(path) for path in paths],
        open_sessions(random_artifact(**options_of_export), len(paths)),
        [[view] for view in views],
        config,
        **options,
    )


def test_a_run_is_the_session_frame_by_frame():
    path = fixture("imageio_realshort.mp4")
    view = _Recorder()
    (summary,), errors = _run([path], [view])
    frames = opencv_frames(path)
    assert not errors and len(view.states) == len(frames) == 36
    np.testing.assert_allclose(view.scores, _scores(frames), atol=1e-6)
    for state, frame in zip(view.states, frames, strict=True):
        np.testing.assert_array_equal(state.frame, frame)
    assert (summary.frames, summary.processed) == (36, 36)
    assert (summary.dropped, summary.resets) == (0, 0)
    assert (summary.label, summary.score) == view.states[-1].top(1)[0]
    last = view.states[-1]
    assert (last.source, last.accelerator) == (str(path), "cpu")
    assert last.fps == pytest.approx(30.02) and not last.is_live


@pytest.mark.parametrize("every", [3, 5])
def test_the_network_is_fed_at_its_own_pace(every):
    path = shared_videos().paths[0]
    info = shared_videos().infos[0]
    session = StreamingSession(random_artifact())
    session.spec = dataclasses.replace(
        session.spec, frame_interval=every * info.duration / info.num_frames
    )
    view = _Recorder()
    (summary,), _ = run_live(
        [VideoFile(path)], SourceSessions([session]), [[view]], _LAST_ALONE
    )
    assert len(view.states) == info.num_frames  # All are shown.
    assert summary.processed == -(-info.num_frames // every)
    expected = _scores(opencv_frames(path)[::every])
    np.testing.assert_allclose(view.scores[::every], expected, atol=1e-6)


def test_after_a_cut_the_network_knows_nothing():
    path = fixture("skv_bikes.mp4")
    view = _Recorder()
    events = []
    (summary,), _ = _run(
        [path],
        [view],
        LiveConfig(
            DecisionConfig(average=0, start_score=0.1, end_score=0.1),
            restart_on_cut=True,
        ),
        on_event=lambda source, event: events.append(event),
    )
    assert summary.resets == 5
    frames = opencv_frames(path)
    found, expected = view.scores, _scores(frames[30:76])
    np.testing.assert_allclose(found[30:76], expected, atol=1e-6)
    starts, ends = events[::2], events[1::2]
    assert len(starts) == len(ends) == summary.gestures >= 5
    # The first scene's gesture ends with it.
    assert any(end.time == view.states[29].time for end in ends)


@pytest.mark.slow
@pytest.mark.parametrize("streams", [1, 2])
def test_several_sources_are_each_run_as_if_alone(streams):
    paths = [
        *(fixture("imageio_realshort.mp4"), fixture("tc_h265_video.mp4")),
        fixture("exo_sample_android_slow_motion.mp4"),
    ]
    views = [_Recorder() for _ in paths]
    summaries, errors = _run(paths, views, streams=streams)
    assert not errors
    for path, view, summary in zip(paths, views, summaries, strict=True):
        frames = opencv_frames(path)
        assert summary.processed == len(frames)
        # The batch is multiplied in another order.
        np.testing.assert_allclose(view.scores, _scores(frames), atol=1e-4)


def test_a_source_that_fails_fails_alone():
    good, bad = (
        fixture("tc_h265_video.mp4"),
        fixture("exo_invalid-bitstream.webm"),
    )
    views = [_Recorder(), _Recorder()]
    (_, empty), errors = _run([good, bad], views)
    assert len(views[0].states) == 10 and empty.frames == 0
    ((error,),) = [errors]
    assert isinstance(error, SourceError) and bad.name in str(error)


def test_a_source_whose_frames_are_slivers_fails_alone(tmp_path):
    good, odd = fixture("tc_h265_video.mp4"), tmp_path / "odd.avi"
    writer = cv2.VideoWriter(
        str(odd), cv2.VideoWriter_fourcc(*"MJPG"), 25, (640, 16)
    )
    for _ in range(5):
        writer.write(np.zeros((16, 640, 3), np.uint8))
    writer.release()
    views = [_Recorder(), _Recorder()]
    (summary, none), (error,) = _run([good, odd], views, streams=2)
    assert summary.processed == 10 and none.frames == 0
    assert isinstance(error, SourceError) and str(odd) in str(error)
    assert "Received: shape (16, 640, 3)" in str(error)


def test_a_camera_that_stalls_holds_up_no_other():
    path = fixture("mma_test_ucf101.avi")
    file_view, camera_view = _Recorder(), _Recorder()
    sessions = open_sessions(random_artifact(streams=2), 2)
    start = time.monotonic()
    with NetworkCamera([(25, "stall")]) as camera:
        # It says nothing for far longer than the other takes.
        sources = [Camera(camera.address, timeout=60), VideoFile(path)]
        (live, file), _ = run_live(
            sources,
            sessions,
            [[camera_view], [file_view]],
            _LAST_ALONE,
            wants_end=lambda: (
                camera_view.states and len(file_view.states) == 164
            ),
        )
    assert time.monotonic() - start < 50
    assert file.processed == 164 and file.dropped == 0
    assert 0 < live.processed + live.dropped <= 25
    np.testing.assert_allclose(
        file_view.scores, _scores(opencv_frames(path)), atol=1e-4
    )


def test_who_is_late_gets_the_newest_frame():
    view = _Recorder(seconds=4 / FPS)
    sessions = open_sessions(random_artifact(), 1)
    with NetworkCamera([(240, "stall")]) as camera:
        (summary,), _ = run_live(
            [Camera(camera.address, timeout=60)],
            sessions,
            [[view]],
            wants_end=lambda: view.states and view.states[-1].time > 1.2,
        )
    states = view.states
    assert summary.dropped > len(states)
    assert states[-1].dropped <= summary.dropped and states[-1].is_live
    # No queue: time passes as fast as in the world.
    gaps = [b.time - a.time for a, b in itertools.pairwise(states[1:])]
    assert np.median(gaps) > 3 / FPS


def test_what_somebody_asks_for_is_done():
    path = fixture("imageio_realshort.mp4")
    view = _Recorder({5: Command.RESET, 20: Command.QUIT})
    (summary,), _ = _run([path], [view])
    assert summary.frames == 20 and summary.resets == 1
    expected = _scores(opencv_frames(path)[5:20])
    np.testing.assert_allclose(view.scores[5:], expected, atol=1e-6)


def test_a_paused_file_goes_on_where_it_was():
    path = fixture("tc_h265_video.mp4")
    view = _Recorder({3: Command.PAUSE})
    paused_at = []

    def poll():
        """Goes on half a second after it stood still."""
        if len(view.states) == 3 and not view._commands:
            paused_at.append(time.monotonic())
            if paused_at[-1] - paused_at[0] > 0.5:
                view._commands[4] = None
                return [Command.PAUSE]
        command = view._commands.pop(len(view.states), None)
        return [command] if command else []

    view.poll = poll
    (summary,), _ = _run([path], [view])
    assert summary.frames == 10 and summary.resets == 0
    assert paused_at[-1] - paused_at[0] > 0.5
    np.testing.assert_allclose(
        view.scores, _scores(opencv_frames(path)), atol=1e-6
    )


def test_a_file_that_is_watched_is_played_at_its_own_pace():
    path = fixture("tc_h265_video.mp4")  # 10 frames, 0.9 s.
    random_artifact()  # To make it is not part of the run.
    start = time.monotonic()
    _run([path], [_Recorder()], LiveConfig(real_time=True))
    assert 0.85 < time.monotonic() - start < 60
