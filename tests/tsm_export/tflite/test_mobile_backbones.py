"""Mobile backbones as int8 files, on the GPU accelerator and in ONNX."""

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from testing.artifacts import (
    clip_model,
    random_artifact,
    random_clips,
    random_onnx,
)
from testing.models import rounding_tolerance
from testing.numerics import relative_error
from testing.photographs import PHOTOGRAPHS, photograph
from tsm_export import export_tflite
from tsm_export.verify.gpu import gpu_environment
from tsm_keras.models.backbones.table import BACKBONES
from tsm_live import open_session
from tsm_live.runtimes.own_process import run_module

BACKBONE_CACHES = {
    "efficientnet_lite0": 9,
    "mobilenet_v3_small": 6,
    "mobilenet_v4_conv_small": 10,
}

pytestmark = pytest.mark.slow


def streamed(path, clip):
    session = open_session(path)
    return np.stack([session.step_squares([x])[0].logits for x in clip])


@pytest.mark.parametrize("backbone", BACKBONE_CACHES)
def test_int8_ties_its_caches_and_computes_in_int8(backbone):
    path = random_artifact(backbone, quantize="int8")
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    caches = [name for name in inputs if name.startswith("cache_")]
    assert len(caches) == BACKBONE_CACHES[backbone]
    for name in caches:
        tied = inputs[name], outputs[f"{name}_out"]
        assert tied[0]["quantization"] == tied[1]["quantization"]
        assert tied[0]["dtype"] == tied[1]["dtype"] == np.int8
    ops = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not ops & {"QUANTIZE", "DEQUANTIZE"}
    assert ("HARD_SWISH" in ops) == backbone.startswith("mobilenet_v3")
    model = clip_model(backbone)
    clip = random_clips(1, model)[0]
    expected = model(clip[None].astype(np.float32))["frame_logits"][0].numpy()
    found = streamed(path, clip)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("backbone", BACKBONE_CACHES)
def test_onnx_says_what_keras_says(backbone):
    model = clip_model(backbone)
    clips = random_clips(1, model)
    outputs = model(clips.astype(np.float32))
    error = relative_error(
        streamed(random_onnx(backbone=backbone), clips[0]),
        outputs["frame_logits"][0].numpy(),
    )
    assert error <= rounding_tolerance(model, clips)


@pytest.mark.parametrize(
    ("backbone", "quantize"),
    [
        ("mobilenet_v3_small", "none"),
        *((backbone, "int8") for backbone in BACKBONE_CACHES),
    ],
)
def test_the_gpu_accelerator_takes_all_of_it(backbone, quantize):
    environment = gpu_environment()
    if environment is None:
        pytest.skip("no GPU, and no software Vulkan (apt install chromium)")
    output = run_module(
        "testing.gpu_sessions",
        str(random_artifact(backbone, quantize=quantize)),
        *("cpu", "gpu"),
        environment=environment,
    )
    (line,) = (x for x in output.splitlines() if x.startswith('{"'))
    found = json.loads(line)
    # `gpu` is refused unless it is fully accelerated.
    assert found["gpu"]["accelerator"] == "gpu"
    cpu, gpu = (np.array(found[name]["logits"]) for name in ("cpu", "gpu"))
    if quantize == "none":
        assert relative_error(gpu, cpu) <= 1e-4
    else:  # Random weights: a step of int8 here and there is not equal.
        assert np.corrcoef(gpu.ravel(), cpu.ravel())[0, 1] > 0.95


def test_int8_sees_in_photographs_what_the_imagenet_weights_see(tmp_path):
    """The plain 2-D network, whose classes are those of ImageNet."""
    weights = BACKBONES["efficientnet_lite0"].imagenet
    for package in ("torch", weights.package):
        pytest.importorskip(package)
    from tsm_keras.checkpoints.imagenet import read_imagenet

    model = read_imagenet(weights)
    model.video_config = model.video_config.changed(
        labels=[str(number) for number in range(1000)]
    )
    pictures = np.stack([photograph(name) for name in PHOTOGRAPHS])
    path = tmp_path / "int8.tflite"
    export_tflite(
        model, path, quantize="int8", calibration_clips=pictures[:, None]
    )
    expected = model(pictures[:, None].astype(np.float32), training=False)
    for picture, logits in zip(pictures, expected.numpy(), strict=True):
        rounded = streamed(path, [picture])[0]
        assert logits.argmax() in np.argsort(-rounded)[:2]
        assert np.corrcoef(logits, rounded)[0, 1] > 0.95
