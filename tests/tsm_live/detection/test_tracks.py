"""Tracker: objects appear, keep their numbers, and disappear."""

import numpy as np
import pytest

from tsm_live.detection.boxes import Boxes
from tsm_live.detection.tracks import TrackConfig, Tracker

_SOON = TrackConfig(hits=1, misses=1)


def _boxes(*found):
    """Returns `Boxes` of `(x, y, label, score)`, each 10 pixels wide."""
    found = sorted(found, key=lambda each: -each[3])
    rows = np.array([each[:2] for each in found], np.float32).reshape(-1, 2)
    return Boxes(
        np.concatenate([rows, rows + 10], axis=1),
        np.array([each[2] for each in found], np.int64),
        np.array([each[3] for each in found], np.float32),
    )


def _numbers(tracks):
    return [track.number for track in tracks]


def test_an_object_appears_after_its_hits_and_goes_after_its_misses():
    tracker = Tracker(TrackConfig(hits=3, misses=2))
    here, nothing = _boxes((5, 5, 0, 0.9)), _boxes()
    frames = [here, here, here, nothing, here, nothing, nothing, nothing]
    told = [tuple(map(_numbers, tracker.update(frame))) for frame in frames]
    assert told == [
        ([], []),
        ([], []),
        ([1], []),
        ([], []),
        ([], []),
        ([], []),
        ([], [1]),
        ([], []),
    ]
    assert tracker.tracks == []


def test_what_flickers_never_appears():
    tracker = Tracker(TrackConfig(hits=2, misses=5))
    for _ in range(5):
        assert tracker.update(_boxes((5, 5, 0, 0.9))) == ([], [])
        assert tracker.update(_boxes()) == ([], [])


def test_numbers_follow_objects_that_cross():
    """Which of them has the better box changes from frame to frame."""
    tracker = Tracker(_SOON)
    for time in range(40):
        right = 3.0 * time, 50, 0, 0.8 + 0.1 * (-1) ** time
        left = 120 - 3.0 * time, 56, 0, 0.8
        appeared, gone = tracker.update(_boxes(right, left))
        assert (_numbers(appeared), gone) == ([] if time else [1, 2], [])
        found = {each.number: each.boxes[-1][0] for each in tracker.tracks}
        assert found == {1: right[0], 2: left[0]}


def test_an_object_that_is_hidden_for_some_frames_keeps_its_number():
    """It is expected where its motion takes it, far from its last box."""
    tracker = Tracker(TrackConfig(hits=1, misses=6))
    for time in [0, 1, 2, 3, 8, 9]:
        frame = _boxes((6.0 * time, 0, 0, 0.9))
        appeared, gone = tracker.update(frame)
        assert (_numbers(appeared), gone) == ([] if time else [1], [])
        if time == 3:
            for _ in range(4):
                assert tracker.update(_boxes()) == ([], [])
    assert _numbers(tracker.tracks) == [1]


def test_classes_do_not_share_tracks():
    tracker = Tracker(_SOON)
    tracker.update(_boxes((5, 5, 0, 0.9)))
    appeared, gone = tracker.update(_boxes((5, 5, 1, 0.9)))
    assert [(t.number, t.label) for t in appeared] == [(2, 1)]
    assert [(t.number, t.label) for t in gone] == [(1, 0)]


def test_a_second_label_of_the_same_box_is_left_out():
    tracker = Tracker(_SOON)
    better, second, beside = (5, 5, 0, 0.9), (6, 5, 1, 0.8), (8, 5, 1, 0.7)
    appeared, _ = tracker.update(_boxes(better, second, beside))
    # The overlaps with the better box are 9 / 11 and 7 / 13.
    assert [(t.label, t.boxes[-1][0]) for t in appeared] == [(0, 5), (1, 8)]
    # Two objects with the same label stay two, however near they are.
    appeared, _ = Tracker(_SOON).update(_boxes(better, (6, 5, 0, 0.8)))
    assert len(appeared) == 2


def test_the_better_box_takes_the_track_that_it_overlaps_most():
    tracker = Tracker(_SOON)
    tracker.update(_boxes((0, 0, 0, 0.9), (4, 0, 0, 0.8)))
    appeared, gone = tracker.update(_boxes((3, 0, 0, 0.9), (5, 0, 0, 0.8)))
    assert (appeared, gone) == ([], [])
    # The best box is nearest to the second object, the other gets the first.
    ends = {t.number: t.boxes[-1][0] for t in tracker.tracks}
    assert ends == {2: 3.0, 1: 5.0}


def test_too_little_overlap_is_another_object():
    for shift, same in ((6, True), (7, False)):
        tracker = Tracker(TrackConfig(overlap=0.2, hits=1, misses=1))
        tracker.update(_boxes((0, 0, 0, 0.9)))
        appeared, _ = tracker.update(_boxes((shift, 0, 0, 0.9)))
        assert bool(appeared) != same  # IoU 4 / 16 and 3 / 17.


def test_the_end_lets_all_objects_disappear_and_numbers_go_on():
    tracker = Tracker(_SOON)
    tracker.update(_boxes((0, 0, 0, 0.9), (30, 0, 1, 0.5)))
    assert _numbers(tracker.end()) == [1, 2]
    assert tracker.end() == []
    appeared, _ = tracker.update(_boxes((0, 0, 0, 0.9)))
    assert _numbers(appeared) == [3]


def test_a_track_knows_its_best_score_and_its_latest_boxes():
    tracker = Tracker(TrackConfig(hits=1))
    for time in range(30):
        tracker.update(_boxes((time, 0, 0, 0.9 if time == 3 else 0.5)))
    (track,) = tracker.tracks
    assert (track.score, round(track.best, 4)) == (0.5, 0.9)
    assert [box[0] for box in track.boxes] == list(range(14, 30))


def test_the_same_boxes_give_the_same_tracks():
    rng = np.random.default_rng(0)
    frames = [
        _boxes(
            *(
                (*rng.uniform(0, 40, 2), int(rng.integers(2)), rng.random())
                for _ in range(rng.integers(6))
            )
        )
        for _ in range(50)
    ]

    def told():
        tracker = Tracker(TrackConfig(hits=2, misses=2))
        return [tuple(map(_numbers, tracker.update(f))) for f in frames]

    assert told() == told()
    numbers = [number for appeared, _ in told() for number in appeared]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 5


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 1.1), ("overlap", 0.0), ("hits", 0), ("misses", 0)],
)
def test_wrong_rules_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        TrackConfig(**{name: value})
