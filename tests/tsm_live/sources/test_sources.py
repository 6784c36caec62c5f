import itertools
import os
import shutil
import threading

import numpy as np
import pytest

from testing.shared_data import fixture
from testing.videos import truncated
from tsm_keras.data.video.decoding import read_video
from tsm_live.sources import raw_pipe
from tsm_live.sources.open_source import SourceOptions, open_source, source_file
from tsm_live.sources.raw_pipe import RawPipe
from tsm_live.sources.source import SourceError
from tsm_live.sources.video_file import VideoFile

# Videos and pipes: one Keras is enough.
pytestmark = pytest.mark.keras3_only


def _read_all(source):
    frames = list(iter(source.read, None))
    source.close()
    return frames


# Name, frames, seconds from the first to the last, frames per second.
@pytest.mark.parametrize(
    ("name", "count", "length", "fps"),
    [
        ("exo_sample.mkv", 30, 0.967, 30),
        ("exo_sample_h263.ts", 25, 0.96, 25),
        ("exo_sample_android_slow_motion.mp4", 7, 0.492, 13.325),
        ("mma_test_ucf101.avi", 164, 6.52, 25),  # Its last frame has no time.
        ("decord_video_90.mov", 3, 0.067, 30),
        ("mpy_no_duration.webm", 74, 4.872, 14.985),
        ("small_webm.webm", 1, 0, 25),
    ],
)
def test_a_file_is_its_frames_and_times(name, count, length, fps):
    source = VideoFile(fixture(name))
    frames = _read_all(source)
    assert source.fps == pytest.approx(fps, rel=0.02)
    times = [frame.time for frame in frames]
    assert len(frames) == count and times[0] == 0
    assert times[-1] == pytest.approx(length, abs=1e-3)
    assert all(a < b for a, b in itertools.pairwise(times))
    assert not VideoFile.is_live


def test_pixels_are_bgr(tmp_path):
    path = fixture("imageio_realshort.mp4")
    first = VideoFile(path).read().image
    # Another decoder; its own conversion rounds otherwise.
    expected = read_video(path)[0][..., ::-1]
    assert np.abs(first.astype(int) - expected).mean() < 3
    assert np.abs(first[..., ::-1].astype(int) - expected).mean() > 10


def test_a_file_that_breaks_off_ends_with_a_word(tmp_path, capsys):
    # An index at its end would make it unreadable.
    path = tmp_path / "cut.ts"
    path.write_bytes(truncated(fixture("mma_test_ucf101.avi").read_bytes()))
    assert _read_all(VideoFile(path))
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cut.ts breaks off after" in error


def test_a_damaged_file_is_read_on_with_a_word(capsys):
    assert len(_read_all(VideoFile(fixture("decord_corrupted.mp4")))) == 49
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "decord_corrupted.mp4 is damaged" in error


@pytest.mark.parametrize(
    "name",
    [
        *("exo_invalid-bitstream.webm", "small_gif.gif", "tfio_audio_only.mp4"),
        *("small_Mpeg4.mp4", "exo_sample_with_sdt.ts", "nowhere.mp4"),
    ],
)
def test_what_is_no_video_is_named(name):
    with pytest.raises(SourceError, match=name):
        _read_all(VideoFile(fixture(name)))


def _pipe(content):
    reading, writing = os.pipe()
    threading.Thread(
        target=lambda: (os.write(writing, content), os.close(writing))
    ).start()
    return os.fdopen(reading, "rb")


@pytest.mark.parametrize("pixel_format", ["bgr24", "rgb24"])
def test_a_pipe(pixel_format):
    frames = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 3), np.uint8)
    sent = frames if pixel_format == "bgr24" else frames[..., ::-1]
    with _pipe(sent.tobytes()) as pipe:
        found = _read_all(
            RawPipe(pipe, 5, 3, pixel_format=pixel_format, fps=10)
        )
    np.testing.assert_array_equal([f.image for f in found], frames)
    np.testing.assert_allclose([f.time for f in found], [0, 0.1, 0.2, 0.3])


def test_a_pipe_where_pipes_cannot_be_selected(monkeypatch):
    """As on Windows."""
    monkeypatch.setattr(raw_pipe, "_CAN_SELECT", False)
    monkeypatch.delattr(raw_pipe.select, "select")
    with _pipe(bytes(90)) as pipe:
        assert len(_read_all(RawPipe(pipe, 5, 3))) == 2


def test_a_pipe_that_ends_within_a_frame(capsys):
    with _pipe(bytes(100)) as pipe:
        assert len(_read_all(RawPipe(pipe, 5, 3))) == 2
    assert "10 of 45 bytes are ignored" in capsys.readouterr().err
    with (
        _pipe(bytes(44)) as pipe,
        pytest.raises(SourceError, match="Received: 44 bytes"),
    ):
        RawPipe(pipe, 5, 3).read()


def test_a_pipe_that_says_nothing_can_be_stopped():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        source = RawPipe(pipe, 5, 3)
        threading.Timer(0.1, source.stop).start()
        assert source.read() is None
    os.close(writing)


def test_the_address_of_a_file_is_read_once_to_its_end(tmp_path):
    path = tmp_path / "a clip #1.mp4"
    shutil.copy(fixture("tc_h265_video.mp4"), path)
    address = path.as_uri()
    assert "%20" in address and source_file(address) == str(path)
    source = open_source(address)
    assert not source.is_live and len(_read_all(source)) == 10
    with pytest.raises(ValueError, match="three slashes.*file://clip.mp4$"):
        open_source("file://clip.mp4")
    with pytest.raises(SourceError, match="no video at FILE:///nowhere.mp4"):
        open_source("FILE:///nowhere.mp4")


def test_an_address_of_a_file_is_a_file(tmp_path):
    with pytest.raises(SourceError, match="cannot be read as a video"):
        open_source("http://127.0.0.1:1/video.MP4?x=1.2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Frames on stdin need --stdin_size.*Received: None"),
        ({"stdin_size": "64"}, "Received: 64"),
        ({"stdin_size": "64x0"}, "Received: 64x0, 'bgr24', 30"),
        ({"stdin_size": "999999x999999"}, "at most 67108864 pixels.*9x999999,"),
        ({"stdin_size": "9" * 5000 + "x1"}, "Frames on stdin need"),
    ],
)
def test_refused_options_of_stdin(options, message):
    with pytest.raises(ValueError, match=message):
        open_source("-", SourceOptions(**options))


@pytest.mark.parametrize("fps", [0, float("inf"), float("nan"), 1e-9])
def test_a_rate_is_refused_whatever_the_source(fps):
    with pytest.raises(ValueError, match=f"Received: stdin_fps={fps}"):
        SourceOptions(stdin_fps=fps)
    with _pipe(b"") as pipe, pytest.raises(ValueError, match=f"{fps} fps"):
        RawPipe(pipe, 6, 4, fps=fps)


@pytest.mark.parametrize("size", ["", "64", "64x", "6e1x48", "64×48"])
def test_a_size_is_refused_whatever_the_source(size):
    with pytest.raises(ValueError, match=f"Received: {size}$"):
        SourceOptions(stdin_size=size)


def test_a_pipe_or_a_folder_as_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")  # Nobody will ever write to it.
    for path in (tmp_path / "pipe.mp4", tmp_path):
        with pytest.raises(SourceError, match="is not a file.*--source=-"):
            open_source(str(path))
