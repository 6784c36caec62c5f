"""COCO's numbers, against cases that are computed by hand."""

import sys

import numpy as np
import pytest

from testing.detection import boxes_at, evaluated, found, truth
from tsm_keras.evaluation.detection.average_precision import average_precision

LABELS = ("cat", "dog", "bird")


def test_a_case_by_hand():
    # Three cats. By score: one found exactly, a wrong one, and one found with
    # an overlap of 0.6: (10 - 2.5) / (10 + 2.5). One is never found.
    shifted = [[2.5, 0, 12.5, 10]]
    frames = [
        evaluated(
            truth(boxes_at(0, 40), [0, 0]),
            found([*boxes_at(0), [70, 70, 80, 80]], [0, 0], [0.9, 0.8]),
        ),
        evaluated(
            truth(boxes_at(0), [0]), found(shifted, [0], [0.7]), number=1
        ),
    ]
    precision = average_precision(frames, LABELS)
    # Recall is 1/3 with precision 1, then 2/3 with precision 2/3. Of the 101
    # points of recall, 0 to 0.33 are 34 and 0.34 to 0.66 are 33.
    at_50 = (34 * 1 + 33 * 2 / 3) / 101
    at_75 = 34 / 101
    assert precision.ap50() == pytest.approx(at_50)
    assert precision.ap75() == pytest.approx(at_75)
    # The shifted box is found at overlaps of 0.5, 0.55 and 0.6.
    assert precision.ap() == pytest.approx((3 * at_50 + 7 * at_75) / 10)
    assert precision.objects.tolist() == [3, 0, 0]


def test_classes_are_averaged_and_those_without_objects_are_left_out():
    frames = [
        evaluated(
            truth(boxes_at(0, 40), [0, 1]),
            found(boxes_at(0, 80), [0, 2], [0.9, 0.8]),
        )
    ]
    precision = average_precision(frames, LABELS)
    assert precision.ap50() == pytest.approx(0.5)
    assert precision.ap50(["cat"]) == pytest.approx(1)
    assert precision.ap50(["dog", "bird"]) == 0
    assert np.isnan(precision.ap50(["bird"]))
    assert np.isnan(precision.by_class[:, 2]).all()
    with pytest.raises(ValueError, match=r"Received: \['fish'\]"):
        precision.ap50(["fish"])


def test_a_detection_in_an_ignored_box_does_not_count():
    crowd = truth(
        [*boxes_at(0), [100, 0, 200, 100]], [0, 0], ignored=[False, True]
    )
    inside = boxes_at(110, 130, 0)  # Two in the crowd score highest.
    frames = [evaluated(crowd, found(inside, [0, 0, 0], [0.9, 0.8, 0.7]))]
    assert average_precision(frames, LABELS).ap() == pytest.approx(1)
    assert average_precision(frames, LABELS).objects.tolist() == [1, 0, 0]
    # The crowd is of cats, so a dog in it is wrong.
    dogs = truth(
        [*boxes_at(0), [100, 0, 200, 100]], [1, 0], ignored=[False, True]
    )
    frames = [evaluated(dogs, found(inside, [1, 1, 1], [0.9, 0.8, 0.7]))]
    assert average_precision(frames, LABELS).ap50() == pytest.approx(1 / 3)


def test_nothing_is_found():
    frames = [evaluated(truth(boxes_at(0), [0]), found([], [], []))]
    assert average_precision(frames, LABELS).ap() == 0


def test_frames_without_objects_are_refused():
    frames = [evaluated(truth([], []), found(boxes_at(0), [0], [0.5]))]
    with pytest.raises(ValueError, match="Received: 1 frames without any"):
        average_precision(frames, LABELS)


def test_without_pycocotools_the_error_says_what_to_install(monkeypatch):
    for name in ("pycocotools", "pycocotools.coco"):
        monkeypatch.setitem(sys.modules, name, None)
    frames = [evaluated(truth(boxes_at(0), [0]), found([], [], []))]
    with pytest.raises(ModuleNotFoundError, match=r"tsm-keras\[detection\]"):
        average_precision(frames, LABELS)


def test_nothing_is_printed(capfd):
    frames = [evaluated(truth(boxes_at(0), [0]), found([], [], []))]
    average_precision(frames, LABELS)
    assert capfd.readouterr() == ("", "")
