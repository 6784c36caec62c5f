import json
import os

import numpy as np
import pytest

from testing.artifacts import random_artifact, random_onnx
from testing.crafted import write_crafted
from testing.gpu import require_gpu
from testing.numerics import relative_error
from tsm_live import (
    ArtifactError,
    OnnxSession,
    StreamingSession,
    open_session,
)
from tsm_live.runtimes import open_network
from tsm_live.runtimes.network import AcceleratorError
from tsm_live.runtimes.own_process import run_module

_NO_GPU = {"VK_DRIVER_FILES": os.devnull, "VK_ICD_FILENAMES": os.devnull}


@pytest.fixture(scope="module")
def gpu():
    """Skips where there is no GPU and no software Vulkan; CI has the latter."""
    return require_gpu()


def _sessions(path, *accelerators, environment):
    """Returns what `testing.gpu_sessions` prints, in a process of its own."""
    output = run_module(
        "testing.gpu_sessions",
        *(str(path), *accelerators),
        environment=environment,
    )
    (line,) = (x for x in output.splitlines() if x.startswith('{"'))
    return json.loads(line)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({"streams": 2}, 1e-4),
        ({"quantize": "int8", "logits": "float32"}, None),
    ],
)
def test_the_gpu_says_what_the_cpu_says(gpu, options, least):
    """Caches swapped on the GPU, one stream idle now and then, and a reset."""
    path = random_artifact(**options)
    found = _sessions(path, "cpu", "gpu", environment=gpu)
    assert [found[name]["accelerator"] for name in ("cpu", "gpu")] == [
        "cpu",
        "gpu",
    ]
    cpu, on_gpu = (np.array(found[name]["logits"]) for name in ("cpu", "gpu"))
    again = np.array(found["gpu"]["after_reset"])
    np.testing.assert_array_equal(again, on_gpu[: len(again)])
    if least:
        assert relative_error(on_gpu, cpu) <= least
    else:  # Random weights: a step of int8 here and there is not equal.
        assert np.corrcoef(on_gpu.ravel(), cpu.ravel())[0, 1] > 0.97


@pytest.mark.slow
def test_auto_says_what_it_got(gpu):
    path = random_artifact()
    found = _sessions(path, "auto", environment=gpu)
    assert found["auto"]["accelerator"] == "gpu"
    found = _sessions(path, "auto", environment=_NO_GPU)
    assert found["auto"]["accelerator"] == "cpu"


def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu(monkeypatch):
    monkeypatch.setattr(open_network, "_tried", {})
    for name, value in _NO_GPU.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AcceleratorError, match="whether there is a GPU"):
        StreamingSession(random_artifact(), accelerator="gpu")
    # What a command line turns into one line.
    assert issubclass(AcceleratorError, OSError)


def test_what_ends_the_process_is_an_error_and_tried_once(
    tmp_path, monkeypatch
):
    crafted = tmp_path / "crafted.tflite"
    write_crafted(crafted)
    with pytest.raises(AcceleratorError, match=r"died with status -6"):
        StreamingSession(crafted, accelerator="gpu")
    # What was found is remembered: the process is not started again.
    monkeypatch.setattr(open_network, "IsolatedNetwork", None)
    with pytest.raises(AcceleratorError, match=r"died with status -6"):
        StreamingSession(crafted, accelerator="gpu")


def test_refusals():
    with pytest.raises(ValueError, match="Received: accelerator='tpu'"):
        StreamingSession(random_artifact(), accelerator="tpu")
    with pytest.raises(ValueError, match=r"\.onnx files.*accelerator='gpu'"):
        open_session(random_onnx(), accelerator="gpu")
    for threads in (0, 257, 1.0):
        message = f"from 1 to 256. Received: threads={threads}"
        with pytest.raises(ValueError, match=message):
            open_session(random_artifact(), threads=threads)
        with pytest.raises(ValueError, match=message):
            StreamingSession(random_artifact(), threads=threads)
        with pytest.raises(ValueError, match=message) as error:
            OnnxSession(random_onnx(), threads=threads)
        assert not isinstance(error.value, ArtifactError)


def test_onnx_runs_on_the_cpu():
    assert open_session(random_onnx(), accelerator="auto").accelerator == "cpu"
