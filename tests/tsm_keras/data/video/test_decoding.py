import numpy as np
import pytest

from testing.shared_data import fixture
from tsm_keras.data.video.decoding import (
    VideoError,
    iterate_video,
    probe_video,
    read_video,
)
from tsm_keras.data.video.encoding import write_video


@pytest.fixture
def frames():
    """Random blocks, so that every frame is another and survives H.264."""
    blocks = np.random.default_rng(0).integers(0, 256, (20, 6, 8, 3), np.uint8)
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize("intra_only", [False, True])
def test_what_is_written_is_read(tmp_path, frames, intra_only):
    path = tmp_path / "clip.mp4"
    write_video(path, frames, fps=25, quality=10, intra_only=intra_only)
    found = read_video(path)
    assert found.shape == frames.shape
    # Chroma is subsampled: compare brightness.
    error = np.abs(found.mean(-1) - frames.mean(-1)).mean()
    shifted = np.abs(found[1:].mean(-1) - frames[:-1].mean(-1)).mean()
    assert error < 8 < shifted


def test_frames_are_picked_by_number(tmp_path, frames):
    path = tmp_path / "clip.mp4"
    write_video(path, frames, fps=25)
    everything = read_video(path)
    indices = [0, 3, 3, 11, 19]
    np.testing.assert_array_equal(
        read_video(path, indices), everything[indices]
    )


def test_a_number_past_the_end_is_an_error(tmp_path, frames):
    path = tmp_path / "clip.mp4"
    write_video(path, frames, fps=25)
    with pytest.raises(VideoError, match="ends before frame 20"):
        read_video(path, [0, 20])


def test_a_failing_source_leaves_no_file(tmp_path, frames):
    def broken():
        yield frames[0]
        raise RuntimeError("camera unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        write_video(tmp_path / "clip.mp4", broken(), fps=25)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a video" * 100])
def test_what_is_no_video_is_named(tmp_path, content):
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    for read in (read_video, probe_video):
        with pytest.raises(VideoError, match=r"notes\.mp4") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VideoError, match="No such file"):
        read_video(tmp_path / "missing.mp4")


@pytest.mark.parametrize(
    "name", ["exo_sample_opus.mp4", "tfio_audio_only.mp4", "small_gif.gif"]
)
def test_real_files_without_video_are_refused(name):
    with pytest.raises(VideoError, match=name):
        probe_video(fixture(name))


@pytest.mark.parametrize(
    ("name", "num_frames", "height", "width"),
    [
        ("exo_bear-vp9-odd-dimensions.webm", 30, 121, 161),
        ("decord_video_90.mov", 3, 568, 320),
        ("mma_test_ucf101.avi", 164, 240, 320),
        ("grid_bbaf2n.mpg", 75, 288, 360),
        ("tc_h265_video.mp4", 10, 128, 128),
    ],
)
def test_real_files_decode_upright(name, num_frames, height, width):
    info = probe_video(fixture(name))
    assert (info.num_frames, info.height, info.width) == (
        num_frames,
        height,
        width,
    )
    assert read_video(fixture(name), [0]).shape == (1, height, width, 3)


def test_rotation_turns_the_picture_the_right_way():
    # The same film, once stored upright and once on its side.
    upright = read_video(fixture("decord_video_0.mov"), [0])[0].astype(float)
    turned = read_video(fixture("decord_video_90.mov"), [0])[0].astype(float)
    assert turned.shape == (568, 320, 3)
    assert upright.shape == (320, 568, 3)


@pytest.mark.parametrize(
    "name",
    [
        "mma_test_ucf101.avi",
        "exo_bear-vp9-odd-dimensions.webm",
        "exo_sample.mkv",
        "grid_bbaf2n.mpg",  # Its seek goes too far.
        "exo_sample_h263.ts",  # Its clock starts at 1.4 seconds.
        "skv_carphone_pristine.mp4",
        "tfio_cradle.gif",
    ],
)
def test_a_part_of_a_file_is_what_it_is_in_the_whole(name):
    times, frames = zip(*iterate_video(fixture(name)), strict=True)
    assert np.all(np.diff(times) > 0)
    np.testing.assert_array_equal(np.stack(frames), read_video(fixture(name)))
    start, end = len(times) // 2, len(times) - 3
    found = list(iterate_video(fixture(name), times[start], times[end]))
    np.testing.assert_allclose([time for time, _ in found], times[start:end])
    np.testing.assert_array_equal(
        [frame for _, frame in found], frames[start:end]
    )


@pytest.mark.parametrize(
    "name", ["exo_sample_h263.ts", "grid_bbaf2n.mpg", "exo_sample.mkv"]
)
def test_a_part_may_start_anywhere(name):
    # Seeking in a transport stream ends between its key frames.
    times, frames = zip(*iterate_video(fixture(name)), strict=True)
    for start in range(1, len(times), 5):
        found = iterate_video(fixture(name), times[start])
        time, frame = next(found)
        assert time == pytest.approx(times[start])
        np.testing.assert_array_equal(frame, frames[start])


def test_times_are_those_of_the_file():
    times = [
        time
        for time, _ in iterate_video(
            fixture("exo_sample_android_slow_motion.mp4")
        )
    ]
    gaps = np.diff(times)
    assert gaps.min() == pytest.approx(0.033, abs=1e-3)
    assert gaps.max() == pytest.approx(0.325, abs=1e-3)


def test_a_part_without_frames_is_an_error(tmp_path, frames):
    path = tmp_path / "clip.mp4"
    write_video(path, frames, fps=25)
    with pytest.raises(VideoError, match="no video frame from 2 to 3 seconds"):
        list(iterate_video(path, 2, 3))


@pytest.mark.parametrize(
    "name",
    [
        "mma_test_kinetics.mp4",
        "mpy_transparent.webm",
        "exo_sample.mkv",
        "mma_test_ucf101.avi",
        "grid_bbaf2n.mpg",
    ],
)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_an_error(tmp_path, name, part):
    whole = fixture(name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(VideoError):
        list(iterate_video(path))


@pytest.mark.parametrize(
    "name",
    [
        "mma_part_0.mp4",
        "exo_sample.mkv",
        "grid_bbaf2n.mpg",
        "exo_sample_h263.ts",
    ],
)
def test_a_bit_flipped_file_is_an_error(tmp_path, name):
    content = np.fromfile(fixture(name), np.uint8)
    rng = np.random.default_rng(0)
    places = rng.integers(len(content) // 10, len(content), 20)
    content[places] ^= 1 << rng.integers(0, 8, 20).astype(np.uint8)
    path = tmp_path / name
    content.tofile(path)
    with pytest.raises(VideoError):
        list(iterate_video(path))
