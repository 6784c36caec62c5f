"""A detector over whole videos: every frame, and only what it can see."""

import dataclasses

import numpy as np
import pytest

from testing.detection import boxes_at, found, truth
from tsm_keras.evaluation.detection.evaluate_videos import evaluate_videos


@dataclasses.dataclass
class _Video:
    """A video whose frames have their number as their value."""

    count: int
    objects: dict
    fps: float = 25

    def frames(self):
        return (
            np.full((20, 40, 3), number, np.uint8)
            for number in range(self.count)
        )

    def truth(self, number):
        return self.objects.get(number)


class _Videos(list):
    labels = ("cat", "dog")


def _detect(frames):
    """Yields a dog of the detector at the frame's number, in that order."""
    for place, frame in enumerate(frames):
        yield found([[frame[0, 0, 0], place, 40, 20]], [2], [0.5])


def _run(videos, step=1, labels=("bird", "cat", "dog"), view=(0, 0, 40, 20)):
    return list(
        evaluate_videos(
            _detect,
            _Videos(videos),
            labels,
            step_of=lambda fps: step,
            view_of=lambda height, width: np.array(view, np.float32),
        )
    )


def test_annotated_frames_come_in_order_with_the_classes_of_the_detector():
    objects = {0: truth(boxes_at(0), [0]), 2: truth(boxes_at(5), [1], [8])}
    first, second = _run([_Video(3, objects), _Video(1, {})])
    assert [(x.video, x.number) for x in first] == [(0, 0), (0, 2)]
    assert [x.truth.classes.tolist() for x in first] == [[1], [2]]
    assert first[1].truth.tracks.tolist() == [8] and second == []
    assert [x.found.boxes[0, 0] for x in first] == [0, 2]


def test_a_detector_of_every_third_frame_sees_all_of_them():
    objects = {number: truth([], []) for number in range(8)}
    (frames,) = _run([_Video(8, objects)], step=3)
    assert [x.number for x in frames] == list(range(8))
    assert [x.found.boxes[0, 0] for x in frames] == list(range(8))
    # Frame 7 is the third of frames 1, 4 and 7.
    assert frames[7].found.boxes[0, 1] == 2


def test_objects_are_cut_at_the_edge_of_the_view():
    boxes = [[0, 0, 20, 10], [0, 0, 11, 10], [0, 0, 9, 10], [12, 5, 18, 25]]
    objects = {0: truth(boxes, [0, 0, 0, 1], ignored=[False] * 4)}
    ((frame,),) = _run([_Video(1, objects)], view=(10, 0, 30, 20))
    np.testing.assert_array_equal(
        frame.truth.boxes, [[10, 0, 20, 10], [10, 0, 11, 10], [12, 5, 18, 20]]
    )
    assert frame.truth.ignored.tolist() == [False, True, False]


def test_classes_that_the_detector_lacks_are_refused():
    with pytest.raises(ValueError, match=r"\['dog'\] are not among"):
        _run([_Video(1, {})], labels=("cat",))
