import contextlib
import dataclasses
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest

from testing.artifacts import random_artifact
from testing.command_line import start_tsm_live
from testing.network_camera import NetworkCamera
from testing.shared_data import fixture
from testing.videos import opencv_frames
from tsm_live.artifact.file import load_artifact, write_spec
from tsm_live.cli.main import main

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

# So that the random network sees gestures everywhere.
_EAGER = ("--average=0", "--start_score=0.2", "--end_score=0.2")


@pytest.fixture(scope="module")
def model():
    return f"--model={random_artifact()}"


def _finish(process, timeout=120):
    output, error = process.communicate(timeout=timeout)
    assert "Traceback" not in error, error
    return output, error


def test_events_go_into_a_pipe(model):
    source = fixture("skv_bikes.mp4")
    process = start_tsm_live(
        *(model, f"--source={source}", "--events=-", "--restart_on_cut"),
        *_EAGER,
    )
    output, error = _finish(process)
    assert process.returncode == 0
    events = [json.loads(line) for line in output.splitlines()]
    assert len(events) >= 10
    assert [event["kind"] for event in events[::2]] == ["start"] * 5
    assert {event["source"] for event in events} == {str(source)}
    for start, end in zip(events[::2], events[1::2], strict=True):
        assert end["kind"] == "end" and start["label"] == end["label"]
        assert 0.2 <= start["score"] <= end["score"] <= 1
        assert 0 <= start["time"] <= end["time"] < 10
    assert "250 of 250 frames processed" in error and "resets 5" in error


def test_the_artifact_says_what_a_gesture_is(model, tmp_path):
    """Without flags its own numbers hold, and flags come before them."""
    spec, content = load_artifact(random_artifact())
    eager = {"average": 0.0, "start_score": 0.2, "end_score": 0.2}
    path = tmp_path / "eager.tflite"
    path.write_bytes(content)
    write_spec(path, dataclasses.replace(spec, decision=eager))
    events = tmp_path / "events.jsonl"

    def gestures(model, *flags):
        source = f"--source={fixture('skv_bikes.mp4')}"
        events.unlink(missing_ok=True)
        flags = (model, source, f"--events={events}", "--quiet", *flags)
        assert main(flags) == 0
        return events.read_text()

    own = gestures(f"--model={path}")
    assert own and own == gestures(model, *_EAGER)
    assert not gestures(f"--model={path}", "--start_score=1")


def test_a_reader_that_has_enough_ends_the_run(model, tmp_path):
    output = tmp_path / "out.mp4"
    reading, writing = os.pipe()
    os.close(reading)
    process = start_tsm_live(
        *(model, f"--source={fixture('skv_bikes.mp4')}", "--events=-"),
        *(f"--output={output}", *_EAGER),
        stdout=writing,
    )
    os.close(writing)
    _, error = _finish(process)
    assert process.returncode == 0 and not error
    assert opencv_frames(output)  # What was shown until then is complete.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_completes_what_is_written(model, tmp_path, number):
    output, events = tmp_path / "out.mp4", tmp_path / "events.jsonl"
    with NetworkCamera([(240, "stall")]) as camera:
        process = start_tsm_live(
            *(model, f"--source={camera.address}", "--timeout=60", *_EAGER),
            *(f"--output={output}", f"--events={events}"),
        )
        _wait_for(lambda: events.exists() and events.read_text())
        time.sleep(3)  # For some frames more, also on a busy machine.
        assert not output.exists()
        process.send_signal(number)
        summary, error = _finish(process)
    assert process.returncode == 0 and not error
    processed = int(re.search(r"(\d+) of \d+ frames processed", summary)[1])
    assert processed > 1 and len(opencv_frames(output)) > 1
    kinds = [json.loads(line)["kind"] for line in events.open()]
    assert kinds[0] == "start" and kinds[-1] == "end"
    assert set(tmp_path.iterdir()) == {output, events}


@pytest.mark.slow
def test_a_signal_ends_what_waits(model, tmp_path):
    """A read that hangs for a minute, and a pipe that says nothing."""
    reading, writing = os.pipe()
    events = tmp_path / "events.jsonl"
    with NetworkCamera([(25, "stall")]) as camera:
        process = start_tsm_live(
            *(model, f"--events={events}", "--stdin_size=8x8"),
            *(*_EAGER, "--min_duration=0"),
            *(f"--source={camera.address}", "--source=-", "--timeout=60"),
            stdin=reading,
        )
        os.write(writing, bytes(8 * 8 * 3))
        # Both have given a frame.
        _wait_for(
            lambda: events.exists() and events.read_text().count("\n") > 1
        )
        process.send_signal(signal.SIGTERM)
        start = time.monotonic()
        output, error = _finish(process)
    os.close(writing)
    os.close(reading)
    assert time.monotonic() - start < 50
    assert process.returncode == 0 and not error
    camera_line, pipe_line = output.splitlines()
    assert camera_line.startswith(camera.address)
    assert "1 of 1 frames processed" in pipe_line


def test_frames_on_stdin(model):
    frames = opencv_frames(fixture("tc_h265_video.mp4"))
    height, width = frames[0].shape[:2]
    process = start_tsm_live(
        *(model, "--source=-", f"--stdin_size={width}x{height}"),
        *("--stdin_fps=10", "--events=-", *_EAGER),
        stdin=subprocess.PIPE,
        text=False,
    )
    output, error = process.communicate(np.array(frames).tobytes(), 120)
    assert process.returncode == 0 and b"10 of 10 frames" in error
    start, end = map(json.loads, output.splitlines())
    assert (start["time"], end["time"]) == (0.2, 0.9)  # Held for 0.2 s.


def test_without_a_display_a_browser_can_watch(model):
    process = start_tsm_live(
        *(model, f"--source={fixture('skv_bikes.mp4')}", "--web=0")
    )
    line = process.stderr.readline()
    address = r"is shown at (http://127\.0\.0\.1:\d+/\?token=.*)$"
    url = re.search(address, line)[1]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url.partition("?")[0], timeout=60)
    with urllib.request.urlopen(url, timeout=60) as page:
        assert b"<html" in page.read().lower()
    process.send_signal(signal.SIGTERM)  # It would play for ten seconds.
    _finish(process)
    assert process.returncode == 0


@pytest.mark.slow
def test_idle_connections_do_not_keep_a_camera_away(model):
    """Neither the camera nor a viewer lacks a file descriptor."""

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    with (
        NetworkCamera([(25, "hang up"), (240, "stall")]) as camera,
        contextlib.ExitStack() as stack,
    ):
        process = start_tsm_live(
            *(model, f"--source={camera.address}", "--timeout=60", "--web=0"),
            preexec_fn=limit,
        )
        url = process.stderr.readline().split()[-1]
        address = ("127.0.0.1", urllib.parse.urlsplit(url).port)
        for _ in range(200):
            stack.enter_context(socket.create_connection(address, 60))
        assert "is gone" in process.stderr.readline()
        assert "is back" in process.stderr.readline()
        with urllib.request.urlopen(url, timeout=60) as page:
            assert page.status == 200
        process.send_signal(signal.SIGTERM)
        _, error = _finish(process)
    assert process.returncode == 0 and not error


def test_outputs_of_several_sources(model, tmp_path, capsys):
    names = ("tc_h265_video.mp4", "imageio_realshort.mp4")
    sources = [f"--source={fixture(name)}" for name in names]
    assert main([model, *sources, f"--output={tmp_path / 'out.mkv'}"]) == 0
    assert capsys.readouterr().out.count("frames processed") == 2
    for number, name in enumerate(names):
        found = opencv_frames(tmp_path / f"out_{number}.mkv")
        assert len(found) == len(opencv_frames(fixture(name)))


def test_one_bad_source_of_two(model, capsys):
    names = ("tc_h265_video.mp4", "exo_invalid-bitstream.webm")
    sources = [f"--source={fixture(name)}" for name in names]
    assert main([model, *sources, "--events=-"]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 2 and "10 of 10 frames" in error[0]
    assert error[1].startswith("tsm-live: error: ") and names[1] in error[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model=missing.tflite"], "no model file at missing.tflite"),
        (["--model=/"], "/ is a folder, not a model file"),
        (
            ["--source=rstp://localhost/1", "--events=-"],
            "cannot be opened (is rstp:// right? Usual schemes are rtsp://, ",
        ),
        (["--source=missing.mp4"], "no video at missing.mp4"),
        (["--source=0", "--source=0"], "given once. Received: ['0', '0']"),
        (["--source=-"], "Received: None"),
        (["--no_gesture=x"], "Received: 'x'"),
        (["--start_score=2"], "Received: end_score=0.4, start_score=2.0"),
        (["--max_gap=0"], "Received: max_gap=0.0"),
        (["--source=rtsp://x", "--timeout=0"], "Received: timeout=0.0"),
        (["--output=out.txt"], "Received: 'out.txt'"),
        (["--events=no/where.jsonl"], "No such file"),
        (
            ["--events=/dev/full", *_EAGER, "--min_duration=0"],
            "written to /dev/full: No space",
        ),
        (["--web=70000"], "Received: 70000"),
        (["--window"], "needs a display"),
    ],
)
def test_mistakes_are_one_line(
    model, flags, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    defaults = {"model": model, "source": "--source=" + _small_video()}
    given = {flag[2:].split("=")[0] for flag in flags}
    flags = [*flags, *(v for k, v in defaults.items() if k not in given)]
    assert main([*flags, "--quiet"]) == 1
    output, error = capsys.readouterr()
    assert not output and error.count("\n") == 1
    assert error.startswith("tsm-live: error: ") and message in error
    assert not list(tmp_path.iterdir())


def _small_video():
    return str(fixture("decord_video_0.mov"))


@pytest.mark.parametrize("flags", [[], ["--modle=x"], ["benchmark"]])
def test_a_wrong_command_line_is_one_line(flags, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(flags)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("tsm-live")


def test_a_benchmark(model, capsys):
    source = f"--source={fixture('tc_h265_video.mp4')}"
    assert main(["benchmark", model, source, "--frames=20"]) == 0
    header, *rows, footer = capsys.readouterr().out.splitlines()
    assert header.split() == ["p50", "ms", "p95", "ms", "p99", "ms"]
    table = {row[:12].strip(): row[12:].split() for row in rows}
    median = {name: float(figures[0]) for name, figures in table.items()}
    whole = median.pop("end to end")
    assert list(median) == ["capture", "resize", "infer", "decide", "draw"]
    assert all(time >= 0 for time in median.values())
    assert max(median.values()) < whole
    assert "20 frames" in footer and "cpu, 1 thread(s)" in footer
    assert main(["benchmark", model, "--source=nowhere.mp4"]) == 1
    assert "no video at nowhere.mp4" in capsys.readouterr().err


def _wait_for(condition, timeout=120):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
