import cv2
import numpy as np
import pytest

from tsm_keras.data.video.decoding import VideoError
from tsm_keras.data.video.frame_folder import (
    iterate_frame_folder,
    pattern_matcher,
)


@pytest.fixture
def folder(tmp_path):
    """Twelve frames, each of another brightness, and a file of another kind."""
    for number in range(1, 13):
        image = np.full((32, 48, 3), 20 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f"img_{number:05d}.jpg"), image)
    (tmp_path / "flow_x_00001.jpg").write_bytes(b"")
    return tmp_path


def _numbers(frames):
    return [round(frame.mean() / 20) for _, frame in frames]


def test_frames_come_in_order_with_times(folder):
    found = list(iterate_frame_folder(folder, "img_%05d.jpg", 12.0))
    assert _numbers(found) == [*range(1, 13)]
    assert [time for time, _ in found] == [number / 12 for number in range(12)]
    assert all(frame.shape == (32, 48, 3) for _, frame in found)


def test_a_part_is_cut_out_by_time(folder):
    found = iterate_frame_folder(folder, "img_%05d.jpg", 10.0, 0.25, 0.6)
    assert _numbers(found) == [4, 5, 6]


def test_numbers_without_zeros_are_sorted_as_numbers(folder):
    for path in folder.glob("img_*"):
        path.rename(folder / f"{int(path.stem[4:])}.jpg")
    assert _numbers(iterate_frame_folder(folder, "%d.jpg", 1.0)) == [
        *range(1, 13)
    ]


def test_a_gap_is_an_error(folder):
    (folder / "img_00007.jpg").unlink()
    with pytest.raises(VideoError, match=r"img_00007\.jpg is missing"):
        list(iterate_frame_folder(folder, "img_%05d.jpg", 1.0))


@pytest.mark.parametrize("part", [0, 0.5])
def test_a_broken_frame_is_named(folder, part):
    path = folder / "img_00007.jpg"
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(VideoError, match=r"img_00007\.jpg: "):
        list(iterate_frame_folder(folder, "img_%05d.jpg", 1.0))


def test_no_frame_of_the_pattern_is_an_error(folder):
    with pytest.raises(VideoError, match=r"no frame frame%d\.png"):
        list(iterate_frame_folder(folder, "frame%d.png", 1.0))


@pytest.mark.parametrize("pattern", ["img.jpg", "%s.jpg", "%d_%d.jpg", "%5"])
def test_a_wrong_pattern_is_refused(pattern):
    with pytest.raises(ValueError, match="must hold one number"):
        pattern_matcher(pattern)
