import math
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from testing.videos import hang, kill_self, segfault
from tsm_keras.data.prepare.isolated_process import (
    IsolatedProcess,
    ProcessDiedError,
    ProcessKilledError,
)
from tsm_keras.data.video.decoding import VideoError, probe_video


@pytest.fixture
def process():
    process = IsolatedProcess(time_limit=30.0)
    yield process
    process.close()


def test_calls_run_in_one_other_process(process):
    first = process.call(os.getpid)
    assert process.call(os.getpid) == first != os.getpid()
    assert process.call(divmod, 7, 2) == (3, 1)


def test_what_a_function_raises_is_raised(process, tmp_path):
    with pytest.raises(ZeroDivisionError):
        process.call(divmod, 1, 0)
    with pytest.raises(VideoError) as caught:
        process.call(probe_video, tmp_path / "missing.mp4")
    assert caught.value.reason == "No such file or directory"


@pytest.mark.parametrize(
    ("function", "reason"),
    [(segfault, "SIGSEGV"), (kill_self, "SIGKILL"), (os.abort, "SIGABRT")],
)
def test_a_crash_fails_only_one_call(process, function, reason):
    before = process.call(os.getpid)
    with pytest.raises(ProcessDiedError, match=reason) as caught:
        process.call(function)
    assert (function is kill_self) == (caught.type is ProcessKilledError)
    assert process.call(os.getpid) not in (before, os.getpid())


def test_a_call_that_never_ends_is_ended():
    process = IsolatedProcess(time_limit=0.5)
    with pytest.raises(ProcessDiedError, match=r"more than 0\.5 seconds"):
        process.call(hang)
    process.close()


def test_close_ends_a_call_that_is_running(process):
    process.call(os.getpid)
    found = []

    def wait():
        with pytest.raises(ProcessDiedError):
            process.call(hang)
        found.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    process.close()
    thread.join(60)
    assert found == [True]


def test_a_process_that_cannot_run_is_an_error_and_no_crash(process):
    with pytest.raises(RuntimeError, match="exit code 3"):
        process.call(os._exit, 3)


def test_the_process_ends_with_its_parent(tmp_path):
    # The parent is a script without `if __name__`, and is killed.
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, pathlib\n"
        "from tsm_keras.data.prepare.isolated_process import IsolatedProcess\n"
        "process = IsolatedProcess(30.0)\n"
        "print(process.call(os.getpid), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    result = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert result.returncode == -9, result.stderr
    child = pathlib.Path("/proc") / result.stdout.strip()
    for _ in range(600):
        # A zombie that nobody waits for is gone as well.
        status = child / "status"
        if not child.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.1)
    raise AssertionError("the worker outlived its parent")


def test_nothing_is_imported_from_the_current_folder(
    process, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    for name in ("socket", "numpy", "tsm_keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('astray')")
    assert process.call(math.sqrt, 4.0) == 2.0
