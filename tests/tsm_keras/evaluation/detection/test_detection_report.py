"""The report of a detector: the same figures in files, and its pictures."""

import base64
import csv
import json

import cv2
import numpy as np
import pytest

from testing.detection import boxes_at, evaluated, found, truth
from tsm_keras.evaluation import plots
from tsm_keras.evaluation.detection import detection_report
from tsm_keras.evaluation.detection.detection_report import (
    Evaluated,
    summary_table,
    write_detection_report,
)
from tsm_keras.evaluation.detection.measures import measure
from tsm_keras.evaluation.detection.pictures import draw_boxes, worst_misses

LABELS = ("cat", "dog", "bird")


def _frames(score):
    """Returns two cats of which one is found, and a dog that is missed."""
    return [
        evaluated(
            truth(boxes_at(0, 20, 40), [0, 0, 1]),
            found(boxes_at(0, 60), [0, 1], [score, 0.6]),
            number=number,
        )
        for number in range(3)
    ]


def _evaluated(score):
    frames = _frames(score)
    return Evaluated(frames, measure(frames, LABELS))


def _pictures(video, numbers):
    return [np.zeros((60, 90, 3), np.uint8) for _ in numbers]


def test_files_agree_and_the_page_stands_alone(tmp_path):
    page = write_detection_report(
        tmp_path / "report",
        {"stream": _evaluated(0.9), "clip": _evaluated(0.5)},
        title="A detector",
        protocol={"split": "val"},
        threshold=0.3,
        pictures_of=_pictures,
        notes=["Frames are taken as they come."],
    )
    metrics = json.loads((page.parent / "metrics.json").read_text("utf-8"))
    stream = metrics["results"]["stream"]
    # One of two cats, and no dog; there is no bird.
    at_50 = 51 / 101 / 2
    assert stream["ap50"] == pytest.approx(at_50)
    assert stream["objects_by_motion"] == {
        **{"all": 9, "slow": 9, "medium": 0, "fast": 0}
    }
    assert stream["ap50_fast"] is None
    rows = list(csv.DictReader((page.parent / "classes.csv").open()))
    assert [row["label"] for row in rows] == list(LABELS)
    assert float(rows[0]["ap50"]) == pytest.approx(2 * at_50)
    text = page.read_text("utf-8")
    for title in ("Classes", "Delay", "Boxes over frames", "Worst misses"):
        assert f"<h2>{title}" in text
    assert f"{at_50:.1%}" in text and "Frames are taken as they" in text
    assert 'src="http' not in text and "href=" not in text


def test_the_page_has_the_curves_of_each_class(tmp_path, monkeypatch):
    drawn = []

    def line_chart(lines, **options):
        drawn.append((lines, plots.line_chart(lines, **options)))
        return drawn[-1][1]

    monkeypatch.setattr(detection_report, "line_chart", line_chart)
    page = write_detection_report(
        tmp_path / "report",
        {"stream": _evaluated(0.9)},
        title="A detector",
        protocol={"split": "val"},
        threshold=0.3,
        pictures_of=_pictures,
    )
    ((lines, chart),) = drawn
    # No bird is there to be found, and the worst class is the first.
    assert [*lines] == ["dog", "cat"]
    recall, precision = lines["cat"]
    np.testing.assert_array_equal(precision, recall <= 0.5)
    assert not lines["dog"][1].any()
    text = page.read_text("utf-8")
    classes = text.partition("<h2>Classes")[2].partition("<h2>")[0]
    assert base64.b64encode(chart).decode() in classes
    assert "Precision and recall at an overlap of 50%." in classes


def test_two_ways_are_compared():
    header, rows = summary_table(
        {
            name: _evaluated(score).measures
            for name, score in (("stream", 0.9), ("clip", 0.5))
        }
    )
    assert header == ("measure", "stream", "clip", "difference")
    assert rows[0][3] == "0.0%" and rows[5][1:] == (None, None, None)


def test_misses_are_sorted_by_their_frames():
    frames = _frames(0.9)
    frames.append(
        evaluated(
            truth(boxes_at(20), [0], tracks=[1]), found([], [], []), number=3
        )
    )
    misses = worst_misses(frames, 0.3, 5)
    assert [(x.label, x.missed, x.frames) for x in misses] == [
        *((0, 4, 4), (1, 3, 3))
    ]
    # With a threshold that nothing reaches, the cat at 0 is missed too.
    assert len(worst_misses(frames, 0.95, 5)) == 3
    assert len(worst_misses(frames, 0.95, 2)) == 2


def test_a_box_is_drawn_around_what_was_found():
    picture = np.full((300, 400, 3), 128, np.uint8)
    frame = evaluated(
        truth([[50, 60, 150, 160]], [0]),
        found([[50, 60, 150, 160], [200, 60, 300, 160]], [0, 0], [0.9, 0.2]),
    )
    drawn = draw_boxes(picture, frame, LABELS, 0.3)
    assert drawn[110, 50].tolist() == [0, 158, 115]
    assert drawn[110, 100].tolist() == [128, 128, 128]
    assert (drawn[:, 190:] == 128).all()  # The score is too low.
    assert (picture == 128).all()
    wrong = draw_boxes(picture, frame, LABELS, 0.1)
    assert wrong[110, 200].tolist() == [213, 94, 0]


def test_a_small_picture_is_enlarged():
    frame = evaluated(truth(boxes_at(0), [0]), found([], [], []))
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    drawn = draw_boxes(picture, frame, LABELS, 0.3)
    assert drawn.shape == (300, 400, 3)
    smaller = cv2.resize(drawn, (80, 60), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(smaller[20:], picture[20:])
