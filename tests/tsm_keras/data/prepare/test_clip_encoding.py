import contextlib
import os
import pathlib
import resource

import cv2
import numpy as np
import pytest

from testing.shared_data import FIXTURES, fixture
from testing.videos import BROKEN
from tsm_keras.data.prepare.clip_encoding import (
    EncodedClip,
    Rejected,
    encode_clip,
    try_encode_clip,
)
from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.video.decoding import iterate_video, read_video
from tsm_keras.data.video.encoding import write_video

SMALL = ImageSettings(short_side=64, quality=95)


def _encode(path, images=SMALL, **fields):
    return encode_clip(
        path.parent, ClipSource(path.name, "any", **fields), images
    )


def _try(path):
    return try_encode_clip(path.parent, ClipSource(path.name, "any"), SMALL)


def _decode(clip):
    """Returns the frames of a clip, `[T, H, W, 3]` RGB."""
    return np.stack(
        [
            cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR)
            for frame in clip.frames
        ]
    )[..., ::-1]


# What becomes of every real file: frames and size, or the reason.
OUTCOMES = {
    "decord_corrupted.mp4": "Invalid data",
    "decord_unordered.mov": (4, 64, 64),
    "decord_video_0.mov": (3, 64, 114),
    "decord_video_90.mov": (3, 114, 64),  # Rotated by 90 degrees.
    "exo_bear-vp9-odd-dimensions.webm": (30, 64, 85),
    "exo_dolbyVision-hdr.MOV": (4, 114, 64),  # 10 bits, rotated.
    "exo_invalid-bitstream.webm": "Invalid data",
    "exo_sample.mkv": (30, 64, 96),
    "exo_sample.mp4": (30, 64, 96),
    "exo_sample_android_slow_motion.mp4": (14, 64, 114),  # Uneven: repeats.
    "exo_sample_av1.mp4": (30, 64, 96),
    "exo_sample_fragmented.mp4": (30, 64, 96),
    "exo_sample_h263.ts": (25, 64, 114),
    "exo_sample_opus.mp4": "no video stream",
    "exo_sample_with_sdt.ts": "no video frame",
    "exo_testvid_1022ms.mp4": (30, 64, 85),
    "exo_video_desks.3gp": (74, 64, 85),  # Uneven; pixels of 12:11.
    "grid_bbaf2n.mpg": (75, 64, 80),
    "imageio_realshort.mp4": (36, 64, 85),
    "mma_demo.mp4": (280, 64, 107),
    "mma_part_0.mp4": (33, 64, 114),  # One frame is missing: it repeats.
    "mma_test_kinetics.mp4": (300, 64, 114),
    "mma_test_ucf101.avi": (164, 64, 85),
    "mpy_bitmap.mp4": (5, 64, 64),  # Of 1x1 pixel.
    "mpy_fire2.mp4": (25, 64, 114),  # Rotated by 180 degrees.
    "mpy_no_duration.webm": (74, 64, 114),
    "mpy_transparent.webm": (150, 64, 64),
    "skv_bikes.mp4": (250, 64, 151),
    "skv_carphone_pristine.mp4": (120, 64, 86),
    "small_Mpeg4.mp4": "no video stream",
    "small_WindowsMediaVideo.wmv": "no video frame",
    "small_gif.gif": "no video frame",
    "small_webm.webm": (1, 64, 64),  # A single frame.
    "tc_h264_10bits.mp4": (30, 64, 64),
    "tc_h265_video.mp4": (10, 64, 64),
    "tfio_audio_only.mp4": "no video stream",
    "tfio_cradle.gif": (41, 64, 85),  # Uneven.
    "tfio_small.mp4": (166, 64, 112),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_real_file_has_its_outcome(name):
    result = _try(fixture(name))
    expected = OUTCOMES[name]
    if isinstance(expected, str):
        assert isinstance(result, Rejected) and expected in result.reason
        return
    assert isinstance(result, EncodedClip), result
    assert (len(result.frames), result.height, result.width) == expected
    assert _decode(result).shape == (*expected, 3)
    steps = np.diff(result.timestamps)
    assert np.all(steps > 0)
    # Frames are on even times, however uneven the file's were.
    interval = 1_000_000 / result.frame_rate
    assert np.all(np.abs(steps - interval) <= 0.5 * interval)
    assert result.start == result.timestamps[0] < result.end


def test_no_real_file_is_forgotten():
    fixture("")
    assert {path.name for path in FIXTURES.iterdir()} == set(OUTCOMES)


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", ["imageio_realshort.mp4", "exo_sample.mkv"])
def test_broken_files_are_rejected(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(BROKEN[kind](fixture(name).read_bytes()))
    result = _try(path)
    assert isinstance(result, Rejected), (kind, len(result.frames))
    assert result.reason and "\n" not in result.reason
    assert (result.reason == "the file is empty") == (kind == "empty")


@pytest.fixture
def video(tmp_path):
    """A second of 25 frames, 96x128, and its frames."""
    blocks = np.random.default_rng(0).integers(0, 256, (25, 6, 8, 3), np.uint8)
    frames = blocks.repeat(16, axis=1).repeat(16, axis=2)
    write_video(tmp_path / "clip.mp4", frames, fps=25, quality=5)
    return tmp_path / "clip.mp4", read_video(tmp_path / "clip.mp4")


def test_frames_are_those_of_the_video(video):
    path, frames = video
    clip = _encode(path, ImageSettings(short_side=96, quality=100))
    assert (clip.height, clip.width, clip.frame_rate) == (96, 128, 25.0)
    assert clip.timestamps == tuple(range(0, 1_000_000, 40_000))
    assert (clip.start, clip.end) == (0, 1_000_000)
    error = np.abs(_decode(clip).mean(-1) - frames.mean(-1)).mean()
    shifted = np.abs(_decode(clip)[1:].mean(-1) - frames[:-1].mean(-1)).mean()
    assert error < 3 < 10 < shifted
    # Red is red and blue is blue.
    means = _decode(clip).mean((1, 2)) - frames.mean((1, 2))
    assert np.abs(means).max() < 3


def test_equal_files_give_equal_bytes(video):
    assert _encode(video[0]) == _encode(video[0])


def test_quality_is_a_question_of_bytes(video):
    sizes = [
        sum(map(len, _encode(video[0], ImageSettings(64, quality)).frames))
        for quality in (20, 60, 95)
    ]
    assert sizes == sorted(sizes) and sizes[0] < 0.6 * sizes[-1]


def test_a_part_is_cut_out_by_time(video):
    clip = _encode(video[0], start=0.2, end=0.4)
    assert clip.timestamps == (200_000, 240_000, 280_000, 320_000, 360_000)
    assert clip.frames == _encode(video[0]).frames[5:10]
    assert (clip.start, clip.end) == (200_000, 400_000)


@pytest.mark.parametrize(("rate", "count"), [(12.5, 13), (5, 5), (60, 25)])
def test_the_frame_rate_has_a_cap(video, rate, count):
    clip = _encode(video[0], ImageSettings(64, 95, max_frame_rate=rate))
    assert len(clip.frames) == count
    assert clip.frame_rate == pytest.approx(min(rate, 25.0))
    assert set(clip.frames) <= set(_encode(video[0]).frames)


@pytest.mark.parametrize(
    "name", ["exo_sample_android_slow_motion.mp4", "exo_video_desks.3gp"]
)
def test_a_varying_frame_rate_is_sampled_by_time(name):
    times = [time for time, _ in iterate_video(fixture(name))]
    clip = _encode(fixture(name))
    interval = 1 / clip.frame_rate
    # As most frames of the file, but never more than twice as many of them.
    limit = (times[-1] - times[0]) / (2 * len(times) - 1)
    expected = max(np.median(np.diff(times)), limit)
    assert interval == pytest.approx(expected, rel=1e-3)
    # Every frame of the file by itself, and which is on display when.
    alone = [
        _encode(fixture(name), start=time, end=time + 1e-4).frames[0]
        for time in times
    ]
    for stamp, frame in zip(clip.timestamps, clip.frames, strict=True):
        now = stamp / 1e6 + interval / 4
        shown = max(i for i, time in enumerate(times) if time <= now)
        assert frame == alone[shown]
    assert len(set(clip.frames)) < len(clip.frames)


@pytest.mark.parametrize("rate", [3, 5, 7])
def test_a_varying_frame_rate_keeps_the_cap(rate):
    path = fixture("exo_sample_android_slow_motion.mp4")
    clip = _encode(path, ImageSettings(64, 95, max_frame_rate=rate))
    assert clip.frame_rate <= rate + 1e-6
    gaps = np.diff(clip.timestamps)
    assert np.all(gaps >= 1_000_000 / rate - 1)


def test_a_cap_that_leaves_one_frame_leaves_one():
    path = fixture("exo_sample_android_slow_motion.mp4")
    clip = _encode(path, ImageSettings(64, 95, max_frame_rate=0.01))
    assert len(clip.frames) == 1 and clip.frames == _encode(path).frames[:1]


def test_rotation_turns_the_picture_upright():
    # 180 degrees: the decoder's own picture upside down.
    import av

    path = fixture("mpy_fire2.mp4")
    with av.open(str(path)) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="rgb24")
    first = _decode(_encode(path, ImageSettings(720, 95)))[0].astype(float)
    assert np.abs(first - stored[::-1, ::-1]).mean() < 3
    assert np.abs(first - stored).mean() > 10


def test_grey_and_odd_sizes_are_rgb_of_the_size_asked(tmp_path):
    import av

    path = tmp_path / "grey.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 37, 21, "gray"
        for number in range(5):
            image = np.full((21, 37), 40 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    clip = _encode(path)
    frames = _decode(clip)
    assert frames.shape == (5, 64, 113, 3)
    np.testing.assert_allclose(
        frames.mean((1, 2)), np.outer(40 * np.arange(5), [1, 1, 1]), atol=3
    )


def test_a_clip_too_long_for_a_record_is_rejected(video, monkeypatch):
    monkeypatch.setattr(
        "tsm_keras.data.prepare.clip_encoding._MAX_BYTES", 3_000
    )
    result = _try(video[0])
    assert isinstance(result, Rejected) and "too much" in result.reason


def test_a_picture_too_wide_for_a_jpeg_is_rejected(tmp_path):
    folder = tmp_path / "wide"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.zeros((1, 2000, 3), np.uint8))
    source = ClipSource("wide", "x", frame_pattern="%d.png", frame_rate=1.0)
    result = try_encode_clip(tmp_path, source, SMALL)
    assert result == Rejected("no JPEG can hold 128000x64 pixels")
    # As large as this one would become, nothing could hold it.
    with _memory_for(1 << 28):
        result = try_encode_clip(tmp_path, source, ImageSettings(4096))
    assert result == Rejected("no JPEG can hold 8192000x4096 pixels")


@contextlib.contextmanager
def _memory_for(size):
    """Lets this process take so many bytes more."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + size
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def test_a_pipe_is_not_waited_for(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for pipe in (tmp_path / "pipe.mp4", folder / "1.png", folder / "other"):
        os.mkfifo(pipe)
    assert _try(tmp_path / "pipe.mp4") == Rejected("it is not a regular file")
    source = ClipSource("frames", "x", frame_pattern="%d.png", frame_rate=1.0)
    result = try_encode_clip(tmp_path, source, SMALL)
    assert result == Rejected("1.png: it is not a regular file")


def test_a_source_that_is_gone_is_no_broken_clip(tmp_path):
    with pytest.raises(FileNotFoundError):
        _try(tmp_path / "gone.mp4")
    (tmp_path / "folder.mp4" / "more").mkdir(parents=True)
    assert isinstance(_try(tmp_path / "folder.mp4"), Rejected)
