import dataclasses
import os

import numpy as np
import pytest

from testing.artifacts import (
    LABELS,
    clip_model,
    random_artifact,
    random_clips,
    random_onnx,
)
from testing.crafted import write_crafted
from testing.gpu import require_gpu
from testing.models import random_clip_model, randomize, small_config
from tsm_export import export_tflite
from tsm_export.verify import checks as verify_module
from tsm_export.verify import compare_scores
from tsm_export.verify.checks import verify, verify_artifact
from tsm_export.verify.trial import run_trial, soak
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import save_preset
from tsm_live.artifact.file import load_artifact, read_spec, write_spec
from tsm_live.runtimes.interpreter_network import InterpreterNetwork
from tsm_live.runtimes.isolated_network import IsolatedNetwork
from tsm_live.runtimes.network import AcceleratorError
from tsm_live.sessions.base_session import Session


@pytest.fixture(scope="module")
def gpu():
    """Skips where there is no GPU and no software Vulkan; CI has the latter."""
    return require_gpu()


def _checks(path, model, clips, soak_frames=0):
    found = verify(path, model, clips, soak_frames=soak_frames)
    return {check.name: check for check in found}


def test_a_float_stream_passes_every_row(gpu):
    clips = random_clips(3, clip_model())
    checks = _checks(random_artifact(), clip_model(), clips, soak_frames=200)
    assert list(checks) == [
        "lint",
        "signature is as the spec says",
        "equals Keras",
        "equals the clip, every prefix",
        "soak of 200 frames",
        "GPU alone, float32 compute",
        "GPU alone, float16 compute",
    ]
    assert all(check.passed for check in checks.values()), checks
    assert "fully accelerated" in checks["GPU alone, float32 compute"].detail


def test_a_clip_passes_every_row(gpu):
    model = clip_model(shift="bidirectional")
    path = random_artifact(shift="bidirectional", kind="clip")
    checks = _checks(path, model, random_clips(2, model))
    assert len(checks) == 5
    assert all(check.passed for check in checks.values()), checks


def test_every_prefix_of_probabilities_is_compared_as_of_logits():
    """A mean of probabilities is computed by no clip model."""
    clips = random_clips(3, clip_model())
    checks = _checks(random_artifact(softmax=True), clip_model(), clips)
    assert checks["equals the clip, every prefix"].passed
    assert checks["equals Keras"].passed


@pytest.mark.parametrize(
    ("quantize", "options"),
    [
        ("float16", {}),
        ("dynamic", {}),
        ("int8", {}),
        (
            "int8",
            {"streams": 2, "input_dtype": "uint8", "softmax": True},
        ),
    ],
)
def test_the_gpu_takes_all_of_it_and_agrees(gpu, quantize, options):
    _assert_gpu_agrees(
        random_artifact(quantize=quantize, **options), clip_model(), gpu
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "size", "quantize"),
    [("resnet18", 32, "int8"), ("resnet50", 64, "none")],
)
def test_the_gpu_takes_resnets(gpu, tmp_path, backbone, size, quantize):
    """Single-pixel features (32 pixels) and strided 1x1 convolutions."""
    model = random_clip_model(backbone, image_size=size, labels=LABELS)
    path = tmp_path / "resnet.tflite"
    clips = random_clips(2, model, seed=9)
    export_tflite(model, path, quantize=quantize, calibration_clips=clips)
    _assert_gpu_agrees(path, model, gpu)


def _assert_gpu_agrees(path, model, gpu):
    clips = random_clips(2, model)
    trials = [
        run_trial(
            *load_artifact(path),
            clips,
            accelerator=accelerator,
            environment=gpu,
        )
        for accelerator in ("gpu", "cpu")
    ]
    on_gpu, on_cpu = (next(iter(trial.logits.values())) for trial in trials)
    # Random weights: a step of int8 here and there is not equal.
    assert np.corrcoef(on_gpu.ravel(), on_cpu.ravel())[0, 1] > 0.97


def test_an_onnx_stream_passes_the_rows_that_are_for_it():
    clips = random_clips(3, clip_model())
    checks = _checks(random_onnx(), clip_model(), clips, soak_frames=200)
    assert list(checks) == [
        "lint",
        "signature is as the spec says",
        "equals Keras",
        "equals the clip, every prefix",
        "soak of 200 frames",
    ]
    assert all(check.passed for check in checks.values()), checks


def test_without_a_preset_parity_is_not_run():
    clips = random_clips(2, clip_model())
    checks = _checks(random_artifact(), None, clips)
    assert checks["equals Keras"].passed is None


def test_without_a_gpu_its_rows_are_not_run(monkeypatch):
    monkeypatch.setattr(verify_module, "gpu_environment", lambda: None)
    checks = _checks(random_artifact(), None, random_clips(1, clip_model()))
    rows = [checks[name] for name in checks if name.startswith("GPU")]
    assert [row.passed for row in rows] == [None, None]
    assert "no GPU" in rows[0].detail


def test_another_networks_artifact_fails():
    other = build_clip_model(small_config(labels=tuple("abcdefg")))
    randomize(other, seed=1)
    checks = _checks(random_artifact(), other, random_clips(2, clip_model()))
    assert checks["equals Keras"].passed is False
    assert (
        "(wanted: at most 1.0e-04, at least 99.5%)"
        in checks["equals Keras"].detail
    )
    assert checks["equals the clip, every prefix"].passed is False


def test_a_forgetful_stream_fails_the_prefix_row():
    """What a cache that is not fed back gives: every frame is the first."""
    model = clip_model()
    clips = random_clips(2, model)
    first = clips.reshape(-1, 1, *clips.shape[2:])
    trial = run_trial(*load_artifact(random_artifact()), first)
    spec = read_spec(random_artifact())
    expected = compare_scores.reference(model, spec, clips)
    forgetful = {"logits": trial.logits["logits"].reshape(2, 4, 7)}
    checks = compare_scores.against_keras(spec, forgetful, expected)
    assert [check.passed for check in checks] == [False, False]


class _Leaks:
    """A network that keeps 1 MB per frame, or whose logits drift."""

    accelerator = "cpu"

    def __init__(self, network, leak=0, drift=0.0):
        self._network, self._leak, self._drift = network, leak, drift
        self._hoard, self._offset = [], 0.0
        self.frame = network.frame
        self.read_state, self.write_state = (
            network.read_state,
            network.write_state,
        )

    def run(self):
        self._hoard.append(np.ones(self._leak))
        self._offset += self._drift
        return [x + np.float32(self._offset) for x in self._network.run()]

    def memory(self):
        return sum(array.nbytes for array in self._hoard)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, (True, 0)), ({"leak": 1 << 17}, (True, 149 << 20))],
)
def test_a_soak_notices_a_leak(options, expected):
    assert _soak(250, **options) == expected


def test_a_soak_notices_what_is_remembered_too_long():
    recovered, _ = _soak(20, drift=1.0)
    assert not recovered


def _soak(frames, **options):
    spec, model = load_artifact(random_artifact())
    network = _Leaks(InterpreterNetwork(spec, model), **options)
    session = Session(spec, lambda: network)
    clips = random_clips(2, clip_model())
    return soak(session, clips, frames, network.memory)


def test_the_memory_of_the_process_is_measured():
    spec, model = load_artifact(random_artifact())
    trial = run_trial(
        spec, model, random_clips(1, clip_model()), soak_frames=150
    )
    assert trial.recovered and abs(trial.growth) < 5e6
    assert IsolatedNetwork(spec, model).memory() > len(model)


def test_a_model_that_ends_the_process_is_a_row(tmp_path):
    path = tmp_path / "killer.tflite"
    write_crafted(path)
    clips = np.zeros((1, 2, 32, 32, 3), np.uint8)
    checks = _checks(path, None, clips)
    assert list(checks) == ["lint", "runs on the CPU"]
    assert checks["runs on the CPU"].passed is False
    assert "died with status" in checks["runs on the CPU"].detail


def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(AcceleratorError, match="whether there is a GPU"):
        run_trial(
            *load_artifact(random_artifact()),
            random_clips(1, clip_model()),
            accelerator="gpu",
            environment={"VK_DRIVER_FILES": os.devnull},
        )


def test_a_quantization_of_the_future_is_refused(tmp_path):
    path = tmp_path / "future.tflite"
    content = random_artifact().read_bytes()
    path.write_bytes(content[: content.index(b"PK\3\4")])
    spec = read_spec(random_artifact())
    write_spec(path, dataclasses.replace(spec, quantization="int2"))
    with pytest.raises(ValueError, match="Received: 'int2'"):
        next(verify(path, None, random_clips(1, clip_model())))


def test_verify_artifact_compares_with_the_preset(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(verify_module, "gpu_environment", lambda: None)
    save_preset(clip_model(), tmp_path / "preset")
    checks = verify_artifact(
        random_artifact(), tmp_path / "preset", clips=2, soak_frames=0
    )
    passed = {check.name: check.passed for check in checks}
    assert passed["equals Keras"] and False not in passed.values()
    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize(
    ("splits", "given", "read"),
    [
        (("train", "validation"), None, "val"),
        (("train", "val", "test"), None, "test"),
        (("train", "val", "test"), "val", "val"),
    ],
)
def test_verify_artifact_reads_the_split_that_evaluate_reads(
    tmp_path, monkeypatch, splits, given, read
):
    for split in splits:
        (tmp_path / split).mkdir()
    opened = []

    def opens(data, split, **_):
        opened.append(split)
        raise LookupError

    monkeypatch.setattr(verify_module, "open_clips", opens)
    with pytest.raises(LookupError):
        verify_artifact(random_artifact(), data=tmp_path, split=given)
    assert opened == [read]


def test_verify_artifact_refuses_another_preset(tmp_path):
    path, preset = tmp_path / "x.tflite", tmp_path / "preset"
    save_preset(clip_model(), preset)
    spec, model = load_artifact(random_artifact())
    path.write_bytes(model)
    write_spec(path, dataclasses.replace(spec, preset_hash="of another"))
    with pytest.raises(ValueError, match="was not exported from .*Received"):
        verify_artifact(path, preset)
