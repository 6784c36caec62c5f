import collections
import dataclasses

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tensorflow import keras

from testing.artifacts import (
    clip_model,
    random_artifact,
    random_clips,
    reuse_conversion,
)
from testing.models import random_clip_model, rounding_tolerance
from testing.numerics import relative_error
from tsm_export import ExportError, artifact_file, export_tflite
from tsm_export.tflite import conversion
from tsm_export.tflite import export as tflite_export
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.file import read_spec
from tsm_live.sessions.open_session import StreamingSession

BACKBONES = ("mobilenet_v2", "resnet18")


def _frame_logits(model, clip):
    return model(clip[None])["frame_logits"].numpy()[0]


def _stream(path, clip):
    """Runs bare LiteRT over a clip, all tensors by name, caches fed back."""
    spec = read_spec(path)
    runner = Interpreter(str(path)).get_signature_runner()
    state = {
        cache.name: np.full(cache.shape, cache.zero_point, cache.dtype)
        for cache in spec.caches
    }
    logits = []
    for frame in clip:
        outputs = runner(frame=frame[None].astype(np.float32), **state)
        state = {name: outputs[f"{name}_out"] for name in state}
        logits.append(outputs["logits"][0])
    return np.stack(logits)


@pytest.mark.parametrize("shift", ["causal", "none"])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_streaming_equals_the_clip_model_for_every_prefix(backbone, shift):
    model = clip_model(backbone, shift)
    path = random_artifact(backbone, "none", shift)
    clips = random_clips(3, model)
    # A causal network's logits of frame t are those of the prefix up to t.
    expected = np.stack([_frame_logits(model, clip) for clip in clips])
    found = np.stack([_stream(path, clip) for clip in clips])
    tolerance = rounding_tolerance(model, clips)
    assert relative_error(found, expected) <= tolerance


@pytest.mark.parametrize(("backbone", "marks"), [("mobilenet_v2", 10),
                                                 ("resnet18", 8)])  # fmt: skip
def test_a_mark_costs_two_slices_and_a_concatenation(backbone, marks):
    """What a streaming network computes beside the 2-D network."""
    causal, plain = (
        _operations(random_artifact(backbone, "none", shift))
        for shift in ("causal", "none")
    )
    causal.subtract(plain)
    added = {name: count for name, count in causal.items() if count}
    assert added == {"STRIDED_SLICE": 2 * marks, "CONCATENATION": marks}


def _operations(path):
    """Counts the operations of an artifact by name."""
    details = Interpreter(str(path))._get_ops_details()
    return collections.Counter(each["op_name"] for each in details)


def test_mixed_precision_of_the_process_stays_outside(tmp_path):
    model, path = clip_model(), tmp_path / "mixed.tflite"
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        trained = rebuild(model, model.video_config, build_clip_model)
        export_tflite(trained, path)
    finally:
        keras.mixed_precision.set_global_policy(before)
    clip = random_clips(1, model)[0]
    np.testing.assert_array_equal(
        _stream(path, clip), _stream(random_artifact(), clip)
    )


def test_frames_in_another_order_give_other_logits():
    """Guards the test above: a network without memory must not pass it."""
    clips = random_clips(1, clip_model())
    path = random_artifact()
    forward = _stream(path, clips[0])
    backward = _stream(path, clips[0][::-1])[::-1]
    tolerance = rounding_tolerance(clip_model(), clips)
    assert relative_error(backward, forward) > max(1e-2, 100 * tolerance)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_int8_caches_share_scale_and_zero_point(backbone):
    path = random_artifact(backbone, "int8")
    spec = read_spec(path)
    runner = Interpreter(str(path)).get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    marks = 10 if backbone == "mobilenet_v2" else 8
    assert len(spec.caches) == marks
    for cache in spec.caches:
        tied = [
            details[name]["quantization"]
            for details, name in (
                (inputs, cache.name),
                (outputs, f"{cache.name}_out"),
            )
        ]
        assert tied[0] == tied[1]
        assert tied[0] == pytest.approx((cache.scale, cache.zero_point))
        assert inputs[cache.name]["dtype"] == np.int8
    assert inputs["frame"]["dtype"] == np.int8


def test_the_zero_state_of_an_int8_cache_is_its_zero_point():
    session = StreamingSession(random_artifact(quantize="int8"))
    assert any(cache.zero_point for cache in session.spec.caches)
    state = session._network.read_state()
    for value, cache in zip(state, session.spec.caches, strict=True):
        assert (value == cache.zero_point).all()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_int8_follows_float(backbone):
    """A wrong scale, zero point or cache would leave no correlation.

    Random weights quantize badly; `tsm quickstart` measures trained ones.
    """
    model = clip_model(backbone)
    clip = random_clips(1, model, seed=9)[0]
    session = StreamingSession(random_artifact(backbone, "int8"))
    expected = _frame_logits(model, clip)
    size = model.video_config.input.resize_size
    margin = (size - model.video_config.input.image_size) // 2
    rest = size - model.video_config.input.image_size - margin
    padded = np.pad(clip, ((0, 0), (margin, rest), (margin, rest), (0, 0)))
    found = np.stack([session.step(frame).logits for frame in padded])
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95


def test_names_are_the_networks_and_sorted_order_is_its_order():
    model = clip_model()
    spec = read_spec(random_artifact())
    assert [cache.name for cache in spec.caches] == [
        f"cache_{k:02d}" for k in range(10)
    ]
    sides = [cache.shape[1] for cache in spec.caches]
    assert sides == sorted(sides, reverse=True)
    runner = Interpreter(str(random_artifact())).get_signature_runner()
    names = {cache.name for cache in spec.caches}
    assert set(runner.get_input_details()) == {"frame", *names}
    assert set(runner.get_output_details()) == {
        "logits",
        *(f"{name}_out" for name in names),
    }
    assert spec.labels == model.video_config.head.labels


def test_only_static_shapes_of_rank_4_builtin_ops_and_no_variables():
    interpreter = Interpreter(str(random_artifact(quantize="int8")))
    interpreter.allocate_tensors()
    for tensor in interpreter.get_tensor_details():
        assert len(tensor["shape"]) <= 4
        assert (np.array(tensor["shape_signature"]) > 0).all()
    ops = {op["op_name"] for op in interpreter._get_ops_details()}
    assert ops <= {
        "ADD",
        "CONCATENATION",
        "CONV_2D",
        "DELEGATE",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MEAN",
        "MUL",
        "PAD",
        "STRIDED_SLICE",
    }


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        ({"shift": "bidirectional"}, {}, "needs later frames.*--lookahead"),
        ({}, {"quantize": "int8"}, "calibration_clips"),
        ({}, {"quantize": "int4"}, r"`quantize`.*Received: quantize='int4'"),
        ({"labels": ()}, {}, "labels"),
        (
            {
                "input_channels": 10,
                "pixel_mean": (127.5,) * 10,
                "pixel_std": (58.0,) * 10,
            },
            {},
            "no optical flow",
        ),
    ],
)
def test_refusals_leave_no_file(tmp_path, fields, options, message):
    fields = {"labels": tuple("abcdefg"), **fields}
    model = random_clip_model(**fields)
    with pytest.raises(ValueError, match=message):
        export_tflite(model, tmp_path / "x.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_an_untied_cache_is_refused(tmp_path, monkeypatch):
    """What int16 activations do: TFLite gives the two ends other scales."""
    described = tflite_export.tensor_specs

    def untie(details):
        specs = described(details)
        for name, scale in (("cache_03", 0.25), ("cache_03_out", 0.5)):
            if name in specs:
                specs[name] = dataclasses.replace(
                    specs[name], dtype="int8", scale=scale
                )
        return specs

    reuse_conversion(monkeypatch)
    monkeypatch.setattr(tflite_export, "tensor_specs", untie)
    with pytest.raises(ExportError, match="cache_03 cannot be fed back"):
        export_tflite(clip_model(), tmp_path / "x.tflite")
    assert not list(tmp_path.iterdir())


def test_a_failing_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError("No space left on device")

    reuse_conversion(monkeypatch)
    monkeypatch.setattr(artifact_file, "write_spec", full)
    with pytest.raises(OSError, match="No space"):
        export_tflite(clip_model(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_onnx_files_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`export_onnx` writes .*x\.onnx"):
        export_tflite(clip_model(), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["stream", "clip"])
def test_a_file_that_computes_something_else_does_not_appear(
    tmp_path, monkeypatch, kind
):
    def wrong(network, **options):
        for layer in network.layers:
            if layer.name == "classifier":
                kernel, bias = layer.get_weights()
                layer.set_weights([kernel[:, ::-1], bias])
                content = conversion.convert(network, **options)
                layer.set_weights([kernel, bias])
                return content
        raise AssertionError([layer.name for layer in network.layers])

    monkeypatch.setattr(tflite_export, "convert", wrong)
    with pytest.raises(ExportError, match="does not compute what the Keras"):
        export_tflite(clip_model(), tmp_path / "x.tflite", kind=kind)
    assert not list(tmp_path.iterdir())
