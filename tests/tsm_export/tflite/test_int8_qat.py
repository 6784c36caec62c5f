import functools
import pathlib
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from testing.artifacts import LABELS, clip_model, random_clips
from testing.command_line import tsm
from testing.gestures import LABELS as GESTURES
from testing.gestures import write_folder
from testing.models import randomize, small_config
from tsm_export import export_tflite
from tsm_export.tflite.export import signature_tensors
from tsm_export.tflite.float_results import with_float_results
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.models.quantization.quantization_aware import (
    activation_ranges,
    quantization_aware,
    set_activation_ranges,
    tie_caches,
)
from tsm_keras.models.streaming import to_streaming
from tsm_keras.training.fit_quantization_aware import measure_ranges
from tsm_live.artifact.file import load_artifact

# The number of caches of each backbone.
BACKBONES = {"mobilenet_v2": 10, "resnet18": 8, "efficientnet_lite0": 9}


@functools.cache
def _holder():
    return tempfile.TemporaryDirectory()


@functools.cache
def _trained(backbone):
    """What training leaves: a float model with ranges; and as it rounds."""
    model = build_clip_model(small_config(backbone, labels=LABELS))
    randomize(model, seed=0)
    rounding = quantization_aware(to_streaming(model))
    clips = random_clips(4, model).astype(np.float32)
    model.activation_ranges = measure_ranges(
        model,
        activation_ranges(rounding),
        tf.data.Dataset.from_tensors((clips, 0)),
    )
    set_activation_ranges(rounding, model.activation_ranges)
    tie_caches(rounding)
    return model, rounding


@functools.cache
def _artifact(backbone):
    path = pathlib.Path(_holder().name) / f"{backbone}.tflite"
    export_tflite(_trained(backbone)[0], path, quantize="int8_qat")
    return path


@pytest.mark.tf_keras_only
@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_caches_are_tied_and_all_is_int8(backbone):
    interpreter = Interpreter(str(_artifact(backbone)))
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    caches = [name for name in inputs if name != "frame"]
    assert len(caches) == BACKBONES[backbone]
    for name in caches:
        tied = inputs[name], outputs[f"{name}_out"]
        assert tied[0]["quantization"] == tied[1]["quantization"]
        assert tied[0]["dtype"] == tied[1]["dtype"] == np.int8
    assert inputs["frame"]["quantization"] == (1.0, -128)
    assert outputs["logits"]["dtype"] == np.int8
    ops = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not ops & {"QUANTIZE", "DEQUANTIZE"}
    spec, model = load_artifact(_artifact(backbone))
    assert spec.quantization == "int8_qat"
    _, outputs = signature_tensors(with_float_results(model))
    assert outputs["logits"].dtype == "float32"


@pytest.mark.tf_keras_only
@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_artifact_computes_what_training_saw(backbone):
    """Step for step near the input; far from it roundings have spread."""
    model, rounding = _trained(backbone)
    runner = Interpreter(str(_artifact(backbone))).get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    state = {
        name: np.full(each["shape"], each["quantization"][1], np.int8)
        for name, each in inputs.items()
        if name != "frame"
    }
    floats = {
        name: np.zeros(each.shape, np.float32) for name, each in state.items()
    }
    logits = []
    for frame in random_clips(1, model, seed=3)[0]:
        codes = (frame[None].astype(np.int16) - 128).astype(np.int8)
        found = runner(frame=codes, **state)
        expected = rounding(
            {"frame": frame[None].astype(np.float32), **floats}, training=False
        )
        state = {name: found[f"{name}_out"] for name in state}
        floats = {name: expected[f"{name}_out"] for name in state}

        def steps(name, found=found, expected=expected):
            scale, zero_point = outputs[name]["quantization"]
            return (
                found[name].astype(float) - zero_point,
                expected[name].numpy() / scale,
            )

        first = np.abs(np.subtract(*steps("cache_00_out")))
        assert first.max() <= 2.5
        assert np.mean(first > 0.5) < 0.1
        logits.append(steps("logits"))
    found, expected = np.array(logits).swapaxes(0, 1)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95


def test_a_float_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match="tsm train --qat --init=PRESET"):
        export_tflite(clip_model(), tmp_path / "x.tflite", quantize="int8_qat")
    assert not list(tmp_path.iterdir())


@pytest.mark.keras3_only  # Under tf_keras there is no second process.
@pytest.mark.slow
def test_from_a_float_preset_to_an_int8_artifact(tmp_path):
    """As a user does it, in Keras 3 and without any setting."""
    for split in ("train", "test"):
        write_folder(tmp_path / "data" / split, clips_per_class=1)
    model = build_clip_model(
        small_config("resnet18", num_classes=4, labels=GESTURES, num_segments=2)
    )
    randomize(model, seed=0)  # Branches that start at zero have no range.
    save_preset(model, tmp_path / "float")
    printed, _ = tsm(
        "train",
        "--data=data",
        "--to=preset",
        "--qat",
        "--init=float",
        "--epochs=1",
        "--batch_size=4",
        cwd=tmp_path,
        ok=True,
    )
    assert "wrote the preset preset" in printed
    trained = load_preset(tmp_path / "preset")
    assert trained.activation_ranges
    assert not np.array_equal(
        trained.get_layer("stem_conv").get_weights(),
        model.get_layer("stem_conv").get_weights(),
    )
    # A stream is exported above; a whole clip rounds its consensus too.
    path = tmp_path / "x.tflite"
    spec = export_tflite(
        trained, path, kind="clip", quantize="int8_qat", input_dtype="uint8"
    )
    assert (spec.frame.dtype, spec.logits.dtype) == ("uint8", "int8")
    interpreter = Interpreter(str(path))
    ops = [op["op_name"] for op in interpreter._get_ops_details()]
    assert ops.count("QUANTIZE") == 1  # From uint8, exactly.
    assert "DEQUANTIZE" not in ops
