"""int8 artifacts whose last layer computes in float32."""

import functools

import numpy as np
import pytest

from testing.artifacts import random_artifact, two_head_artifact
from testing.command_line import refused_process
from testing.models import random_clip_model, random_detector
from tsm_export import export_tflite
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.open_network import open_network

_CASES = {
    "stream": functools.partial(random_artifact, quantize="int8"),
    "clip": functools.partial(random_artifact, quantize="int8", kind="clip"),
    "softmax": functools.partial(
        random_artifact, quantize="int8", softmax=True
    ),
    "heads": functools.partial(two_head_artifact, "int8"),
}


def _run(path):
    """Returns the spec, the results of some steps, and the last caches."""
    spec, model = load_artifact(path)
    network = open_network(path, spec, model)
    rng = np.random.default_rng(0)
    results = []
    for _ in range(5):
        image = rng.integers(-128, 128, spec.frame.shape, np.int8)
        network.frame()[...] = image
        results.append([result.copy() for result in network.run()])
    return spec, list(zip(*results, strict=True)), network.read_state()


@pytest.mark.parametrize("case", _CASES)
def test_only_the_rounding_of_the_results_is_gone(case):
    before, rounded, caches = _run(_CASES[case]())
    after, exact, same_caches = _run(_CASES[case](logits="float32"))
    for one, other in zip(caches, same_caches, strict=True):
        np.testing.assert_array_equal(one, other)
    for old, new, steps, values in zip(
        before.results, after.results, rounded, exact, strict=True
    ):
        assert (old.dtype, new.dtype) == ("int8", "float32")
        steps, values = np.array(steps, np.float32), np.array(values)
        dequantized = (steps - old.zero_point) * old.scale
        # The mean over the frames of a clip and a softmax round once more. The
        # weights, in float16, are 2^-11 off.
        limit = 0.51 if case in ("stream", "heads") else 2.0
        inside = np.abs(steps) < 127
        error = np.abs(dequantized - values)[inside].max() / old.scale
        assert 0.1 < error <= limit


def test_the_file_grows_by_a_byte_per_weight():
    sizes = [
        random_artifact(quantize="int8", **options).stat().st_size
        for options in ({}, {"logits": "float32"})
    ]
    assert 0 < sizes[1] - sizes[0] - 1280 * 7 < 2000


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (random_clip_model, {"logits": "int8"}, "Only a network in int8"),
        (random_clip_model, {"logits": "half"}, "logits='half'"),
        (random_detector, {"logits": "float32"}, "no logits of classes"),
    ],
)
def test_refuses_what_has_no_such_logits(tmp_path, model, options, message):
    with pytest.raises(ValueError, match=message):
        export_tflite(model(), tmp_path / "model.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_an_onnx_file_has_float_logits_anyway(tmp_path):
    arguments = ("no_preset", "--to=model.onnx", "--logits=float32")
    assert "always float32" in refused_process(
        "export", *arguments, cwd=tmp_path
    )
