import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import av
import cv2
import numpy as np
import pytest

from testing.checkout import PACKAGE_ROOTS, ROOT
from testing.live_states import live_state, random_frame
from testing.videos import opencv_frames
from testing.waiting import wait_for
from tsm_live.video import encoding as encoding_module
from tsm_live.views import video_output as video_output_module
from tsm_live.views.drawing import draw
from tsm_live.views.video_output import VideoOutput

_SIZE = 120, 160


def _read(path):
    """Returns the frame rate and the frames of a video."""
    rate = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    return rate, opencv_frames(path)


def _state(number, **changes):
    """Returns the moment of a frame that is unlike its neighbours."""
    frame = np.full((*_SIZE, 3), 20 + 40 * (number % 6), np.uint8)
    return live_state(frame, **changes)


def _number(picture):
    """Returns which of six frames a picture of a video shows."""
    return round((picture[:200].mean() - 20) / 40)


def _write(path, times, **changes):
    output = VideoOutput(path)
    for number, each in enumerate(times):
        output.show(_state(number, time=each, **changes))
    output.close()
    return output


def test_browsers_can_play_it(tmp_path):
    _write(tmp_path / "out.mp4", [0.0, 0.1], fps=10.0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        (stream,) = container.streams
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".MP4"])
@pytest.mark.parametrize("fps", [25.0, 30000 / 1001])
def test_a_file_keeps_every_frame(tmp_path, suffix, fps):
    path = tmp_path / "new" / f"out{suffix}"
    times = 3.0 + np.arange(31) / fps
    output = _write(path, times, fps=fps)
    rate, frames = _read(path)
    assert rate == pytest.approx(fps, rel=1e-4)
    assert len(frames) == output.frames == 31 and output.dropped == 0
    assert [_number(each) for each in frames] == [n % 6 for n in range(31)]
    assert list(path.parent.iterdir()) == [path]


def test_the_video_shows_what_is_drawn(tmp_path):
    state = live_state(random_frame(*_SIZE))
    output = VideoOutput(tmp_path / "out.mp4")
    output.show(state)
    output.close()
    _, (picture,) = _read(tmp_path / "out.mp4")
    # Small frames are enlarged, as on a screen, so that text can be read.
    assert picture.shape[0] > 400
    assert np.abs(picture.astype(int) - draw(state)).mean() < 6


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        # Slower than the video: frames are repeated until the next one.
        ([0.0, 0.2, 0.3], [0, 0, 1, 2]),
        # Faster: some are left out.
        ([0.0, 0.04, 0.1, 0.14, 0.2], [0, 2, 4]),
        # Back in time, as after a seek: goes on from there.
        ([5.0, 5.1, 2.0, 2.1], [0, 1, 3]),
    ],
)
def test_the_time_of_the_stream_is_kept(tmp_path, times, shown):
    path = tmp_path / "out.avi"
    _write(path, times, fps=10.0)
    assert [_number(each) for each in _read(path)[1]] == shown


def test_a_camera_has_a_rate_of_its_own_and_long_gaps_are_cut(tmp_path):
    path = tmp_path / "out.mp4"
    output = _write(path, [0.0, 0.5, 3600.5], is_live=True, fps=3.7)
    rate, frames = _read(path)
    assert rate == 30 and len(frames) == output.frames == 30 * 10.5 + 1


def test_another_rate_can_be_asked_for(tmp_path):
    output = VideoOutput(tmp_path / "out.mp4", fps=5.0)
    for number in range(20):
        output.show(_state(number, time=number / 10))
    output.close()
    rate, frames = _read(tmp_path / "out.mp4")
    assert rate == 5 and len(frames) == 10 + 1


def test_a_source_may_change_its_size(tmp_path):
    output = VideoOutput(tmp_path / "out.mp4", fps=10.0)
    for number, size in enumerate([(360, 480), (480, 270), (100, 900)]):
        output.show(live_state(random_frame(*size), time=number / 10))
    output.close()
    _, frames = _read(tmp_path / "out.mp4")
    assert len({frame.shape for frame in frames}) == 1 and len(frames) == 3


@pytest.fixture
def disk(monkeypatch):
    """An event: a disk writes nothing before it is set."""
    is_ready = threading.Event()

    class SlowWriter:
        def __init__(self, *arguments):
            self._writer = fast(*arguments)

        def write(self, picture):
            assert is_ready.wait(120)
            self._writer.write(picture)

        def __getattr__(self, name):
            return getattr(self._writer, name)

    fast = video_output_module.VideoWriter
    monkeypatch.setattr(video_output_module, "VideoWriter", SlowWriter)
    frame = np.zeros((*_SIZE, 3), np.uint8)
    monkeypatch.setattr(video_output_module, "_QUEUE", 4 * frame.nbytes)
    return is_ready


def test_a_slow_disk_does_not_stall_a_camera(tmp_path, disk):
    output = VideoOutput(tmp_path / "out.mp4", fps=10.0)
    for number in range(20):
        output.show(_state(number, time=number / 10, is_live=True))
    disk.set()  # Not before: none of them waited for it.
    output.close()
    # Four are in the queue and perhaps one on its way to the disk.
    assert 15 <= output.dropped <= 16
    _, frames = _read(tmp_path / "out.mp4")
    assert len(frames) == output.frames <= 20


def test_a_file_waits_for_a_slow_disk(tmp_path, disk):
    threading.Timer(0.5, disk.set).start()
    output = _write(tmp_path / "out.mp4", np.arange(12) / 10, fps=10.0)
    assert output.dropped == 0 and output.frames == 12


def test_a_run_without_frames_leaves_nothing(tmp_path):
    output = VideoOutput(tmp_path / "out.mp4")
    assert output.poll() == []
    output.close()
    output.close()
    output.show(_state(0))
    assert list(tmp_path.iterdir()) == []


def test_a_name_may_be_as_long_as_names_may_be(tmp_path):
    path = tmp_path / f"{'画' * 83}.mkv"
    _write(path, [0.0, 0.1])
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_until_the_end(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_text("an older one")
    output = VideoOutput(path)
    output.show(_state(0))
    assert path.read_text() == "an older one"
    output.close()
    assert len(_read(path)[1]) == 1


def test_two_runs_may_write_to_the_same_path(tmp_path):
    path = tmp_path / "out.mp4"
    one, other = VideoOutput(path), VideoOutput(path)
    for number in range(8):
        one.show(_state(number, time=number / 10, fps=10.0))
        if number < 3:
            other.show(_state(number + 3, time=number / 10, fps=10.0))
    one.close()
    assert [_number(f) for f in _read(path)[1]] == [0, 1, 2, 3, 4, 5, 0, 1]
    other.close()  # Who is the last one wins.
    assert [_number(f) for f in _read(path)[1]] == [3, 4, 5]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("frames", [0, 3])
def test_a_folder_that_is_removed_meanwhile(tmp_path, frames):
    folder = tmp_path / "folder"
    output = VideoOutput(folder / "out.mp4")
    for number in range(frames):
        output.show(_state(number, time=number / 10))
    if frames:
        wait_for(lambda: output.frames)  # The file is open.
    shutil.rmtree(folder)
    if not frames:
        output.close()  # Nothing is lost.
        return
    with pytest.raises(OSError, match="out.mp4 is lost: .* was removed"):
        output.close()


def test_wrong_paths(tmp_path):
    for name in ("out", "out.gif", "out.mp4.txt"):
        with pytest.raises(ValueError, match=r"\.mp4, \.mkv, \.avi.*Received"):
            VideoOutput(tmp_path / name)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="is a folder"):
        VideoOutput(tmp_path / "folder.mp4")
    with pytest.raises(OSError, match="file"):
        VideoOutput(tmp_path / "file" / "out.mp4")


def test_a_codec_that_ffmpeg_lacks(tmp_path, monkeypatch):
    missing = ("zzzz", "yuv420p", {})
    monkeypatch.setitem(encoding_module._CODECS, ".mp4", missing)
    output = VideoOutput(tmp_path / "out.mp4")
    with pytest.raises(OSError, match="cannot write the video .*zzzz"):
        for _ in range(1000):
            output.show(_state(0))
            time.sleep(0.01)
    with pytest.raises(OSError, match="cannot write the video"):
        output.close()
    assert list(tmp_path.iterdir()) == []


# In a process of its own, which ends as processes do. Noise makes large files.
_CHILD = """
import signal, sys
import numpy as np
from testing.live_states import live_state
from tsm_live.views.video_output import VideoOutput

signal.signal(signal.SIGTERM, lambda *_: sys.exit())
output = VideoOutput(sys.argv[1])
rng = np.random.default_rng(0)
try:
    for number in range(int(sys.argv[2])):
        noise = rng.integers(0, 256, (360, 480, 3), np.uint8)
        output.show(live_state(noise, time=number / 25))
        if number == 80:
            print("running", flush=True)
finally:
    output.close()
"""


def _start(path, frames, **options):
    roots = (*PACKAGE_ROOTS.values(), ROOT / "tests")
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path), str(frames)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        **options,
    )


def test_it_can_be_played_after_kill(tmp_path):
    path = tmp_path / "out.mp4"
    process = _start(path, 10_000)
    assert process.stdout.readline() == "running\n"
    assert not path.exists()
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=120)[1] == ""
    _, frames = _read(path)
    assert 80 <= len(frames) < 10_000
    assert list(tmp_path.iterdir()) == [path]


def test_mkv_can_be_played_after_kill_9(tmp_path):
    process = _start(tmp_path / "out.mkv", 10_000)
    (part,) = wait_for(lambda: list(tmp_path.glob(".out.*.part.mkv")))
    while part.stat().st_size < 4_000_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=120)
    assert list(tmp_path.iterdir()) == [part]
    assert len(_read(part)[1]) > 30


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_full_disk_is_told(tmp_path, suffix):
    def limit():
        size = 100_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    process = _start(tmp_path / f"out{suffix}", 20, preexec_fn=limit)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    last = error.strip().splitlines()[-1]
    assert "OSError: The video" in last and "is the disk full?" in last
    part = pathlib.Path(last.rpartition(" ")[2])
    assert part.exists() and not (tmp_path / f"out{suffix}").exists()
