"""The average delay, against cases that are computed by hand."""

import numpy as np
import pytest

from testing.detection import boxes_at, evaluated, found, truth
from tsm_keras.evaluation.detection.delay import average_delay


def _frames(scores, alarms=None):
    """Returns an object that stands still, and false alarms far from it.

    Args:
        scores: The score of the object in each frame; 0 if it is not found.
        alarms: The score of the false alarms of each frame, by their places.
    """
    answers = [({0: x} if x else {}) | (alarms or {}) for x in scores]
    return [
        evaluated(
            truth(boxes_at(0), [0], [5]),
            found(boxes_at(*answer), [0] * len(answer), [*answer.values()]),
            number=10 + number,
        )
        for number, answer in enumerate(answers)
    ]


def test_without_false_alarms_the_first_detection_counts():
    delay = average_delay(_frames([0, 0, 0.2, 0.9]))
    assert delay.average == pytest.approx(2)
    assert [row[2:] for row in delay.by_ratio] == [(2.0, 1.0)] * 6
    assert delay.objects == 1


def test_false_alarms_raise_the_threshold():
    # One false alarm per box with a score of 0.5: at ratios below 1 it is too
    # many, so that only what scores higher counts, from the fourth frame.
    delay = average_delay(_frames([0, 0.3, 0.3, 0.9], {50: 0.5}))
    assert [row[2] for row in delay.by_ratio] == [3, 3, 3, 3, 1, 1]
    # The harmonic mean of the delays plus one, minus one.
    inverse = (4 / 4 + 2 / 2) / 6
    assert delay.average == pytest.approx(1 / inverse - 1)


def test_equal_scores_are_kept_or_dropped_together():
    # Ten alarms with the same score as the object: 3.2 per box would allow
    # three of them, so they are dropped, and the object with them.
    alarms = {50 + 20 * number: 0.5 for number in range(10)}
    delay = average_delay(_frames([0.5], alarms))
    assert delay.by_ratio[-1] == (3.2, 0.5, 1.0, 0.0)


def test_an_object_that_is_never_found_has_all_its_frames_up_to_30():
    assert average_delay(_frames([0] * 5)).average == pytest.approx(5)
    assert average_delay(_frames([0] * 50)).average == pytest.approx(30)


def test_objects_are_averaged_and_others_are_no_objects():
    still = found(boxes_at(0), [0], [0.9])
    objects = truth(
        boxes_at(0, 40, 80, 120),
        [0, 0, 0, 0],
        tracks=[0, 1, -1, 2],
        ignored=[False, False, False, True],
    )
    frames = [
        evaluated(objects, still, number=number, video=video)
        for number in range(4)
        for video in range(2)
    ]
    delay = average_delay(frames)  # Found at once, and never.
    assert delay.objects == 4
    assert delay.by_ratio[0][2:] == (2.0, 0.5)


def test_a_detection_of_another_class_is_a_false_alarm():
    frames = [
        evaluated(truth(boxes_at(0), [0]), found(boxes_at(0), [1], [0.9]))
    ]
    delay = average_delay(frames)
    assert delay.by_ratio[0] == (0.1, pytest.approx(0.9), 1.0, 0.0)


def test_a_detection_in_an_ignored_box_is_no_false_alarm():
    objects = truth(
        [*boxes_at(0), [100, 0, 200, 100]], [0, 0], ignored=[False, True]
    )
    answer = found(boxes_at(110, 0), [0, 0], [0.9, 0.4])
    assert average_delay([evaluated(objects, answer)]).by_ratio[0][2] == 0


def test_without_tracks_there_is_no_delay():
    objects = truth(boxes_at(0), [0], tracks=[-1])
    delay = average_delay([evaluated(objects, found([], [], []))])
    assert np.isnan(delay.average)
    assert delay.objects == 0
