"""CompiledNetwork on the CPU gives the bits of the interpreter.

`test_accelerators.py` tests it on the GPU.
"""

import dataclasses
import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from testing.artifacts import random_artifact
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.quantization import quantize, zero_state
from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes import open_network as opening
from tsm_live.runtimes.compiled_network import CompiledNetwork
from tsm_live.runtimes.dry_run import memory, step_of
from tsm_live.runtimes.interpreter_network import InterpreterNetwork
from tsm_live.runtimes.network import AcceleratorError

_STEPS = 20
_TASKS = "/proc/self/task"  # Linux has a folder here for each thread.
_COUNT_NEW_THREADS = f"""
import os, sys
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.compiled_network import CompiledNetwork
spec, model = load_artifact(sys.argv[1])
before = len(os.listdir({_TASKS!r}))
network = CompiledNetwork(spec, model, threads=int(sys.argv[2]))
print(len(os.listdir({_TASKS!r})) - before)
"""


def _networks(path, **options):
    spec, model = load_artifact(path)
    kinds = (InterpreterNetwork, CompiledNetwork)
    return spec, [kind(spec, model, **options) for kind in kinds]


def _step(spec, network, step):
    """Feeds frames that differ from step to step; returns the results."""
    rng = np.random.default_rng(step)
    network.frame()[...] = quantize(
        rng.integers(0, 256, spec.frame.shape), spec.frame
    )
    if spec.valid:
        values = rng.integers(0, 2, spec.valid.shape)
        network.valid()[...] = quantize(values, spec.valid)
    return network.run()


def _assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quantize": "int8"},
        {"shift": "bidirectional", "lookahead": True},
        {"quantize": "int8", "streams": 2, "input_dtype": "uint8"},
    ],
)
def test_results_and_caches_are_those_of_the_interpreter(options, threads):
    spec, networks = _networks(random_artifact(**options), threads=threads)
    assert bool(spec.valid) == bool(options.get("lookahead"))
    changed = 0
    for step in range(_STEPS):
        if step == _STEPS // 2:
            for network in networks:
                network.write_state([zero_state(each) for each in spec.caches])
        before = networks[1].read_state()
        expected, found = (_step(spec, each, step) for each in networks)
        _assert_equal(found, expected)
        after = networks[1].read_state()
        _assert_equal(after, networks[0].read_state())
        changed += not np.array_equal(before[0], after[0])
    # A frame that `valid` calls missing may leave a cache as it is.
    assert changed == _STEPS if not spec.valid else changed > _STEPS // 2


def test_a_state_can_be_written_again_after_any_number_of_steps():
    """Both sets of buffers take a state, and copies stay as they are."""
    spec, (_, network) = _networks(random_artifact())
    for steps in (1, 2):
        state = network.read_state()
        first = _step(spec, network, 0)
        kept = [array.copy() for array in first]
        for step in range(1, steps):
            _step(spec, network, step)
        _assert_equal(first, kept)
        network.write_state(state)
        _assert_equal(network.read_state(), state)
        _assert_equal(_step(spec, network, 0), kept)


@pytest.mark.skipif(not os.path.isdir(_TASKS), reason="needs Linux")
@pytest.mark.parametrize("threads", [1, 3])
def test_it_has_as_many_threads_as_it_is_told(threads):
    """A process of its own has no threads of earlier tests, which may end."""
    command = [sys.executable, "-c", _COUNT_NEW_THREADS]
    output = subprocess.run(
        [*command, str(random_artifact()), str(threads)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    assert int(output) == threads - 1


def test_wrong_numbers_of_threads_are_refused():
    with pytest.raises(ValueError, match="Received: threads=0"):
        CompiledNetwork(*load_artifact(random_artifact()), threads=0)


def test_memory_does_not_grow():
    spec, (_, network) = _networks(random_artifact())
    step = step_of(network, spec)
    for _ in range(500):
        step()
    before = memory()
    for _ in range(5000):
        step()
    assert memory() - before < 5e6  # A leak of 1 KB per step is more.


def test_the_cpu_swaps_caches_from_a_size_on(monkeypatch):
    spec, model = load_artifact(random_artifact())
    size = sum(zero_state(cache).nbytes for cache in spec.caches)
    assert 0 < size < opening.LARGE_CACHES
    assert type(opening.open_here(spec, model)) is InterpreterNetwork
    monkeypatch.setattr(opening, "LARGE_CACHES", size)
    network = opening.open_here(spec, model)
    assert type(network) is CompiledNetwork
    assert network.accelerator == "cpu"
    monkeypatch.setattr(opening, "LARGE_CACHES", size + 1)
    assert type(opening.open_here(spec, model)) is InterpreterNetwork


def test_the_interpreter_takes_over(monkeypatch, caplog):
    monkeypatch.setattr(opening, "LARGE_CACHES", 1)
    caplog.set_level(logging.INFO)
    spec, model = load_artifact(random_artifact())
    from ai_edge_litert import compiled_model

    def refuse(*_, **__):
        raise RuntimeError("no such op")

    with monkeypatch.context() as refusing:
        refusing.setattr(compiled_model.CompiledModel, "from_buffer", refuse)
        assert type(opening.open_here(spec, model)) is InterpreterNetwork
    assert "no such op" in caplog.text
    for method in (
        "create_input_buffer_by_name",
        "create_output_buffer_by_name",
        "run_by_index",
    ):
        with monkeypatch.context() as failing:
            failing.setattr(compiled_model.CompiledModel, method, refuse)
            assert type(opening.open_here(spec, model)) is InterpreterNetwork
            with pytest.raises(AcceleratorError, match="the cpu: no such op"):
                CompiledNetwork(spec, model)


def test_the_interpreter_takes_over_from_an_old_litert(monkeypatch):
    monkeypatch.setattr(opening, "LARGE_CACHES", 1)
    spec, model = load_artifact(random_artifact())

    def assert_too_old():
        assert type(opening.open_here(spec, model)) is InterpreterNetwork
        with pytest.raises(AcceleratorError, match=r"LiteRT 2\.1\.5 or later"):
            CompiledNetwork(spec, model)

    with monkeypatch.context() as older:  # Up to LiteRT 2.1.4.
        older.delattr("ai_edge_litert.compiled_model.Options")
        assert_too_old()
    # LiteRT 1 has no such module.
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", None)
    monkeypatch.delattr("ai_edge_litert.compiled_model")
    assert_too_old()


def test_a_cache_that_is_too_large_in_the_spec_is_refused():
    """Nothing of its size is allocated before."""
    shape = (1, 2**30, 2**30)
    spec, model = load_artifact(random_artifact())
    names = {spec.caches[0].name, spec.caches[0].fed_by}
    spec = dataclasses.replace(
        spec,
        inputs=_with_shape(spec.inputs, names, shape),
        outputs=_with_shape(spec.outputs, names, shape),
    )
    with pytest.raises(ArtifactError, match=r"is not what the embedded spec"):
        opening.open_here(spec, model)


def _with_shape(tensors, names, shape):
    return tuple(
        dataclasses.replace(tensor, shape=shape)
        if tensor.name in names
        else tensor
        for tensor in tensors
    )
