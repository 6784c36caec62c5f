"""Networks in processes of their own, which may die, hang or be led astray."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from testing.artifacts import random_artifact, random_onnx
from testing.crafted import CHANGES, absurd_scale, write_crafted
from testing.mutations import MUTATIONS, model_bytes
from tsm_live import ArtifactError, SessionError, open_session, read_spec
from tsm_live.artifact.file import load_artifact, write_spec
from tsm_live.runtimes import isolated_network
from tsm_live.runtimes.isolated_network import IsolatedNetwork
from tsm_live.runtimes.own_process import ProcessError, run_module

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

_FRAME = np.full((40, 50, 3), 9, np.uint8)
_ARTIFACTS = {
    "float32": random_artifact,
    "int8": lambda: random_artifact(quantize="int8", streams=2),
    "onnx": lambda: random_onnx(streams=2),
}


def _frames(count):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 90, 120, 3), np.uint8)


@pytest.mark.parametrize("kind", _ARTIFACTS)
def test_an_isolated_session_says_the_same_bit_for_bit(kind):
    """Streams that stand still and resets included."""
    path = _ARTIFACTS[kind]()
    sessions = [open_session(path, isolated=isolated) for isolated in (0, 1)]
    streams = sessions[0].streams
    for number, frame in enumerate(_frames(6)):
        batch = [frame] * streams
        if number % 3 == 1:
            batch[-1] = None if streams > 1 else frame
        if number == 4:
            for session in sessions:
                session.reset(stream=streams - 1)
        one, other = (session.step_streams(batch) for session in sessions)
        for found, expected in zip(one, other, strict=True):
            assert (found is None) == (expected is None)
            if found is not None:
                np.testing.assert_array_equal(found.logits, expected.logits)
    assert sessions[0].accelerator == sessions[1].accelerator == "cpu"


def test_the_crafted_model_really_ends_the_process(tmp_path):
    """Else the next test would show nothing."""
    path = tmp_path / "crafted.tflite"
    write_crafted(path, absurd_scale)
    code = f"import tsm_live; tsm_live.open_session({str(path)!r})"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
    )
    assert result.returncode == -signal.SIGABRT


@pytest.mark.parametrize("change", CHANGES)
def test_a_crafted_model_is_an_error_and_nothing_else(tmp_path, change):
    path = tmp_path / "crafted.tflite"
    write_crafted(path, change)
    with pytest.raises((ArtifactError, SessionError)) as error:
        open_session(path, isolated=True).step(_FRAME)
    if change is absurd_scale:
        assert "died with status -6 (SIGABRT)" in str(error.value)


@pytest.mark.slow
def test_mutated_models_are_errors_or_run(tmp_path):
    outcomes = set()
    for seed in range(40):
        rng = random.Random(seed)
        sound = random_artifact(quantize=rng.choice(("none", "int8")))
        content = MUTATIONS[rng.choice(list(MUTATIONS))]
        path = tmp_path / "mutated.tflite"
        path.write_bytes(content(model_bytes(sound), rng))
        write_spec(path, read_spec(sound))
        try:
            open_session(path, isolated=True).step(_FRAME)
            outcomes.add("ran")
        except (ArtifactError, SessionError) as error:
            outcomes.add(type(error).__name__)
    assert {"ran", "ArtifactError"} <= outcomes


def test_a_process_that_is_killed_is_one_error_again_and_again():
    session = open_session(random_artifact(), isolated=True)
    session.step(_FRAME)
    session._network._process.kill()
    with pytest.raises(SessionError, match=r"died with status -9 \(SIGKILL\)"):
        session.step(_FRAME)
    for call in (lambda: session.step(_FRAME), session.reset):
        with pytest.raises(SessionError, match="has ended"):
            call()


def test_a_process_that_hangs_is_given_up():
    """Stopped, it does what one does that waits for a driver for ever."""
    spec, model = load_artifact(random_artifact())
    network = IsolatedNetwork(spec, model, step_limit=5.0)
    network.run()
    os.kill(network._process.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(SessionError, match="did not answer within 5 s"):
        network.run()
    assert time.monotonic() - start < 60
    assert network._process.poll() is not None


def test_a_start_that_hangs_is_given_up(monkeypatch):
    def start_and_hang(module, *, environment, **pipes):
        code = "import time; time.sleep(600)"
        return subprocess.Popen([sys.executable, "-c", code], **pipes)

    monkeypatch.setattr(isolated_network, "start_module", start_and_hang)
    spec, model = load_artifact(random_artifact())
    with pytest.raises(SessionError, match=r"did not answer within 0\.5 s"):
        IsolatedNetwork(spec, model, start_limit=0.5)


def test_the_process_ends_with_its_session():
    session = open_session(random_artifact(), isolated=True)
    process = session._network._process
    del session
    assert process.wait(60) is not None


def test_the_process_ends_with_its_parent(tmp_path):
    code = f"""
import os, tsm_live
session = tsm_live.open_session({str(random_artifact())!r}, isolated=True)
print(session._network._process.pid, flush=True)
os._exit(0)
"""
    output = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    end = time.monotonic() + 60
    while _is_running(int(output)):
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_is_imported_from_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("numpy", "json", "runpy", "ai_edge_litert", "tsm_live"):
        (tmp_path / f"{name}.py").write_text(
            "open('imported', 'w').close()\nraise SystemExit('astray')"
        )
    session = open_session(random_artifact(), isolated=True)
    assert session.step(_FRAME).label in session.spec.labels
    run_module("tsm_live.runtimes.dry_run", str(random_artifact()), "1")
    assert not (tmp_path / "imported").exists()


def test_a_module_that_takes_too_long_is_killed():
    with pytest.raises(ProcessError, match=r"did not end within 0\.05 s"):
        run_module(
            *("tsm_live.runtimes.dry_run", str(random_artifact()), "1"),
            timeout=0.05,
        )


def test_a_model_that_is_shortened_during_a_run_changes_nothing(tmp_path):
    """A mapped file would end the process."""
    path = tmp_path / "model.tflite"
    path.write_bytes(random_artifact().read_bytes())
    session, whole = open_session(path), open_session(random_artifact())
    os.truncate(path, 100)
    for frame in _frames(3):
        found, expected = session.step(frame), whole.step(frame)
        np.testing.assert_array_equal(found.logits, expected.logits)
