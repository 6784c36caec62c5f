import numpy as np
import pytest

from testing.shared_data import fixture
from testing.videos import opencv_frames
from tsm_live.decision.scene_cut import SceneCut

# OpenCV alone: one Keras is enough.
pytestmark = pytest.mark.keras3_only


def _frames(name):
    return opencv_frames(fixture(name))


def _cuts(frames):
    scene = SceneCut()
    return [number for number, f in enumerate(frames) if scene.is_cut(f)]


def test_the_cuts_of_a_real_video():
    # Looked at, frame by frame.
    assert _cuts(_frames("skv_bikes.mp4")) == [30, 76, 137, 187, 242]


@pytest.mark.parametrize(
    "name",
    ["exo_testvid_1022ms.mp4", "skv_carphone_pristine.mp4", "mpy_fire2.mp4"],
)
def test_motion_is_no_cut(name):
    assert _cuts(_frames(name)) == []


def test_a_lamp_is_no_cut_and_a_restart_forgets():
    frame = _frames("mma_demo.mp4")[0]
    darker = (frame * 0.8).astype(np.uint8)
    assert _cuts([frame, darker, frame]) == []
    scene = SceneCut()
    other = _frames("skv_bikes.mp4")[0]
    scene.is_cut(frame)
    assert scene.is_cut(other)
    scene.restart()
    assert not scene.is_cut(frame)


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_refusals(threshold):
    with pytest.raises(ValueError, match=f"Received: threshold={threshold}"):
        SceneCut(threshold)
