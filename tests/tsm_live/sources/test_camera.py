"""Cameras and network streams, which come and go."""

import itertools
import time

import cv2
import numpy as np
import pytest

from testing.network_camera import NetworkCamera
from tsm_live.sources import camera as camera_module
from tsm_live.sources.camera import Camera, back_off
from tsm_live.sources.open_source import (
    SourceOptions,
    open_source,
    source_file,
)
from tsm_live.sources.source import SourceError

# The artifact plays no part here: one Keras is enough.
pytestmark = pytest.mark.keras3_only


def test_back_off_doubles_up_to_a_limit():
    assert list(itertools.islice(back_off(1, 5), 5)) == [1, 2, 4, 5, 5]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["tcp", "rtsp"])
def test_a_stream_that_stalls_or_hangs_up_comes_back(scheme, capsys):
    connections = [(30, "stall"), (25, "hang up"), (40, "stall")]
    with NetworkCamera(connections, scheme) as camera:
        # Long enough for a busy machine to open it.
        source = Camera(camera.address, timeout=5.0)
        # Of each connection all frames but some that a decoder held back.
        times = [source.read().time for _ in range(27 + 22 + 10)]
        source.stop()
        source.close()
    assert camera.served == 3
    assert (np.diff(times) >= 0).all()
    assert (np.diff(times) > 0.5).sum() >= 2  # While it was away.
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("; ")[0].rsplit(" ", 1)[1] for line in lines] == [
        *("gone", "back", "gone", "back"),
    ]


class _UnpluggedCamera:
    """Stands in for `cv2.VideoCapture`: no camera is where tests run.

    Each opening yields as many frames as are left of `openings`.
    """

    openings: list[int]
    opened: list[int]

    def __init__(self, number):
        self.opened.append(number)
        self._left = self.openings.pop(0)

    def isOpened(self):  # noqa: N802
        return self._left > 0

    def read(self):
        self._left -= 1
        if self._left < 0:
            return False, None
        return True, np.full((4, 6, 3), len(self.opened), np.uint8)

    def release(self):
        self._left = 0


def test_a_local_camera_comes_back(monkeypatch, capsys):
    camera = type("Camera", (_UnpluggedCamera,), {})
    camera.openings, camera.opened = [2, 0, 0, 3], []
    monkeypatch.setattr(camera_module.cv2, "VideoCapture", camera)
    source = open_source("0")
    frames = [source.read() for _ in range(5)]
    source.stop()
    assert source.read() is None
    # By number, each time; twice it was not there yet.
    assert camera.opened == [0, 0, 0, 0]
    assert [frame.image[0, 0, 0] for frame in frames] == [1, 1, 4, 4, 4]
    gaps = np.diff([frame.time for frame in frames])
    assert gaps[1] >= 0.5 + 1.0 + 2.0 > gaps[[0, 2, 3]].max()
    assert [
        line.split(": ")[-1] for line in capsys.readouterr().err.splitlines()
    ] == [
        "camera 0 is gone; trying again in 0.5 s",
        "camera 0 is gone; trying again in 1 s",
        "camera 0 is gone; trying again in 2 s",
        "camera 0 is back",
    ]


def test_what_never_was_there_is_told_at_once(monkeypatch):
    start = time.monotonic()
    with pytest.raises(SourceError, match="camera 97 cannot be opened"):
        Camera("97").read()
    with pytest.raises(SourceError, match="tcp://127.0.0.1:1 cannot be opened"):
        Camera("tcp://127.0.0.1:1").read()
    assert time.monotonic() - start < 20  # It is not tried again and again.


def test_a_silent_server_is_given_up():
    with (
        NetworkCamera([(0, "stall")]) as camera,
        pytest.raises(SourceError, match="cannot be opened"),
    ):
        Camera(camera.address, timeout=0.5).read()


@pytest.mark.parametrize(
    "name",
    [
        *("0", "/dev/video97", "/dev/v4l/by-id/usb-Cam_1-video-index0"),
        *("rtsp://camera/1", "HTTP://camera/video.mjpg", "udp://@:1234"),
    ],
)
def test_live_sources(name):
    source = open_source(name)
    assert isinstance(source, Camera) and source.is_live
    assert source.is_webcam == ("://" not in name) and source.name == name
    assert source_file(name) is None


@pytest.fixture
def opened(monkeypatch):
    """Returns what captures are opened with; each gives a frame."""
    arguments_of_all = []

    class Capture(_UnpluggedCamera):
        openings, opened = [1], []

        def __init__(self, *arguments):
            arguments_of_all.append(arguments)
            super().__init__(0)

    monkeypatch.setattr(camera_module.cv2, "VideoCapture", Capture)
    return arguments_of_all


def test_a_device_is_opened_by_its_path(opened):
    assert open_source("/dev/video97").read().time == 0
    assert opened == [("/dev/video97", cv2.CAP_V4L2)]


def test_a_device_that_is_not_there():
    with pytest.raises(SourceError, match="camera /dev/video97 cannot be op"):
        open_source("/dev/video97").read()


def test_a_link_to_a_device_is_a_camera(tmp_path):
    (tmp_path / "my_camera").symlink_to("/dev/video97")
    source = open_source(str(tmp_path / "my_camera"))
    assert isinstance(source, Camera) and source.is_webcam


_PIPELINE = "nvarguscamerasrc sensor-id=0 ! nvvidconv ! appsink"


def test_a_pipeline_is_handed_to_gstreamer(opened, monkeypatch):
    registry = camera_module.cv2.videoio_registry
    monkeypatch.setattr(registry, "hasBackend", lambda backend: True)
    source = open_source(f"gst:{_PIPELINE}")
    assert source.read().time == 0
    assert opened == [(_PIPELINE, cv2.CAP_GSTREAMER)]
    assert source.is_live and not source.is_webcam
    assert source.name == "gst:nvarguscamerasrc"


def test_without_gstreamer_a_pipeline_is_one_line(monkeypatch):
    registry = camera_module.cv2.videoio_registry
    monkeypatch.setattr(registry, "hasBackend", lambda backend: False)
    with pytest.raises(SourceError, match="without GStreamer") as error:
        open_source(f"gst:{_PIPELINE}")
    assert str(error.value).endswith("--source=gst:nvarguscamerasrc")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("timeout", [0, float("inf"), float("nan"), 1e9])
def test_a_timeout_is_refused_whatever_the_source(timeout):
    with pytest.raises(ValueError, match=f"Received: timeout={timeout}"):
        SourceOptions(timeout=timeout)


def test_a_number_that_is_no_cameras():
    with pytest.raises(ValueError, match="at most 4 digits. Received: 99999"):
        open_source("9" * 20)
