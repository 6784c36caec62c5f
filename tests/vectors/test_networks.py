"""tsm_live's networks reproduce the test vectors, and mistakes would show."""

import json

import numpy as np
import pytest

from testing.gpu import require_gpu
from testing.vectors import (
    FOLDER,
    ON_NETWORKS,
    all_errors,
    assert_within_tolerance,
    cases,
    open_case,
    replay_steps,
    vectors,
)
from tsm_live import Session, read_spec
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.own_process import run_module

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

_LARGEST = 100_000  # Bytes of an artifact.
_LARGEST_FOLDER = 1_700_000  # Bytes of all of them and of the vectors.


def test_the_cpu():
    errors = all_errors()
    assert set(errors) == set(cases(*ON_NETWORKS))
    assert_within_tolerance(errors, "cpu")


@pytest.mark.slow
def test_a_gpu():
    output = run_module("testing.vectors", "gpu", environment=require_gpu())
    (line,) = (x for x in output.splitlines() if x.startswith('{"'))
    errors = json.loads(line)
    assert set(errors) == set(cases(*ON_NETWORKS))
    assert_within_tolerance(errors, "gpu")


def test_the_files_are_small_and_of_every_kind():
    files = sorted(FOLDER.glob("*.tflite"))
    assert max(file.stat().st_size for file in files) <= _LARGEST
    total = sum(file.stat().st_size for file in FOLDER.iterdir())
    assert total <= _LARGEST_FOLDER
    assert {case["artifact"] for case in cases(*ON_NETWORKS).values()} == {
        file.name for file in files
    }
    specs = list(map(read_spec, files))
    assert {spec.frame.dtype for spec in specs} == {"float32", "int8", "uint8"}
    assert {spec.streams for spec in specs} == {1, 2}
    assert {len(spec.heads) for spec in specs} == {0, 1, 2}
    assert {spec.task for spec in specs} == {"classification", "detection"}
    assert {spec.delay for spec in specs} == {0, 3}
    assert {cache.frames for spec in specs for cache in spec.caches} == {1, 2}
    # Zero points are needed: an empty cache of int8 is not 0.
    assert {c.zero_point for s in specs for c in s.caches} - {0}
    # Two caches can be swapped without an error of shapes.
    assert all(len({c.shape for c in s.caches}) < len(s.caches) for s in specs)


def test_sessions_have_several_gestures_a_gap_and_a_step_back():
    for case in cases("session").values():
        assert len({event["label"] for event in case["events"]}) >= 2
        assert case["choices"].count("restart") == 2
        assert min(np.diff(case["times"])) < 0
        assert max(np.diff(case["times"])) > 1


class _Mistaken:
    """A network that makes one mistake with its caches."""

    def __init__(self, network, mistake):
        self._network = network
        self._mistake = mistake
        self.accelerator = network.accelerator
        self.frame = network.frame
        self.valid = getattr(network, "valid", None)
        self.read_state = network.read_state

    def run(self):
        if self._mistake == "BGR":
            frame = self.frame()
            frame[...] = frame[..., ::-1].copy()
            del frame  # It must not exist while the network runs.
        if self._mistake == "every frame exists":
            self.valid()[...] = self.valid().max()
        before = self.read_state()
        logits = self._network.run()
        after = self.read_state()
        if self._mistake == "caches stay":
            self._network.write_state(before)
        elif self._mistake == "caches swapped":
            self._network.write_state([after[0], *after[:0:-1]])
        elif self._mistake == "caches one step late":
            self._network.write_state(getattr(self, "_late", before))
            self._late = after
        return logits

    def write_state(self, state):
        if self._mistake == "zero state is 0":
            state = [
                np.zeros_like(v) if (v == v.flat[0]).all() else v for v in state
            ]
        elif self._mistake == "no reset":
            return
        self._network.write_state(state)


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("steps of float32", "caches stay"),
        ("steps of int8", "caches swapped"),
        ("steps of float32", "caches one step late"),
        ("steps of int8", "zero state is 0"),
        ("steps of float32", "no reset"),
        ("steps of two_streams", "no reset"),
        ("steps of uint8_frames", "BGR"),
        ("steps of lookahead", "every frame exists"),
        ("steps of detector", "caches stay"),
    ],
)
def test_mistakes_show(name, mistake):
    """The errors of usual mistakes are far outside the tolerances."""
    case = cases("steps")[name]
    spec, _ = load_artifact(FOLDER / case["artifact"])
    _, network = open_case(case)
    network = _Mistaken(network, mistake)
    session = Session(spec, lambda: network)
    errors = replay_steps(case, session, network, fed=False)
    tolerances = vectors()["tolerances"]
    for backend in ("cpu", "gpu", "gpu_float16"):
        free = tolerances[backend]["free"]
        assert any(errors[kind] > 2 * free[kind] for kind in errors)
