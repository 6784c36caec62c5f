"""A live run of a detector: events, states, several sources, a video."""

import dataclasses
import itertools

import numpy as np
import pytest

from testing.detectors import ChosenNetwork
from testing.shared_data import fixture
from testing.specs import DETECTOR
from testing.videos import opencv_frames
from tsm_live.cli.annotate import annotate_video
from tsm_live.cli.measure import measure
from tsm_live.detection.tracks import TrackConfig
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import SourceSessions
from tsm_live.sessions.base_session import Session
from tsm_live.sources.video_file import VideoFile

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

_SPEC = dataclasses.replace(DETECTOR, frame_interval=0.0)  # Every frame.
# One network sees a dog in the frames 2 to 6, another a cat that moves.
_DOG = [(2, 3, 1) if 2 <= number <= 6 else None for number in range(10)]
_CAT = [(4, min(number, 7), 0) for number in range(10)]


class _Recorder:
    """A view that keeps the states."""

    def __init__(self):
        self.states = []

    def show(self, state):
        self.states.append(state)

    def poll(self):
        return []

    def close(self):
        pass


def _session(cells):
    steps = itertools.chain(
        ([cell] for cell in cells), itertools.repeat([None])
    )
    return Session(_SPEC, lambda: ChosenNetwork(_SPEC, steps))


def test_each_source_has_its_own_objects():
    path = fixture("tc_h265_video.mp4")
    views, events = [_Recorder(), _Recorder()], []
    sessions = SourceSessions([_session(_DOG), _session(_CAT)])
    summaries, errors = run_live(
        [VideoFile(path), VideoFile(path)],
        sessions,
        [[view] for view in views],
        LiveConfig(TrackConfig(hits=2, misses=2)),
        on_event=lambda source, event: events.append(event),
    )
    assert not errors
    assert [summary.objects for summary in summaries] == [1, 1]
    assert "; objects 1;" not in str(summaries[0])
    assert ": objects 1; 10 of 10 frames processed" in str(summaries[0])
    dogs, cats = (view.states for view in views)
    seen = [len(state.objects.objects) for state in dogs]
    assert seen == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert [len(state.objects.objects) for state in cats] == [0] + [1] * 9
    times = [state.time for state in dogs]
    assert [
        (event.kind, event.label, event.time)
        for label in ("dog", "cat")
        for event in events
        if event.label == label
    ] == [
        ("appear", "dog", times[3]),
        ("disappear", "dog", times[8]),
        ("appear", "cat", times[1]),
        ("disappear", "cat", times[9]),
    ]
    (cat,) = cats[9].objects.objects
    # The trail moves by a cell of the square: a fixed number of pixels.
    steps = np.diff([x for x, _ in cat.trail])
    np.testing.assert_allclose(steps[:7], steps[0], rtol=1e-4)
    assert steps[0] > 8 and (steps[7:] == 0).all()


def test_an_annotated_video_shows_the_boxes(tmp_path):
    path, output = fixture("tc_h265_video.mp4"), tmp_path / "out.mp4"
    summary = annotate_video(_session(_CAT), path, output)
    assert (summary.frames, summary.objects) == (10, 1)
    # By the default rules, the cat appears in its third frame.
    plain = tmp_path / "plain.mp4"
    annotate_video(_session([]), path, plain)
    height = 360  # Small frames are enlarged to it.
    changes = [
        np.abs(one[:height].astype(int) - other[:height]).max()
        for one, other in zip(
            opencv_frames(output), opencv_frames(plain), strict=True
        )
    ]
    assert max(changes[:2]) < 40 < 60 < min(changes[2:])


def test_the_steps_of_a_detector_can_be_timed():
    times = measure(_session(_CAT), str(fixture("tc_h265_video.mp4")), 5)
    assert {len(seconds) for seconds in times.values()} == {5}
    assert all((seconds >= 0).all() for seconds in times.values())
