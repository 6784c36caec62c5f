import collections
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from testing.artifacts import LABELS, clip_model, random_clips, random_onnx
from testing.models import random_clip_model
from testing.numerics import relative_error
from tsm_export import ExportError, export_onnx, parity
from tsm_export.onnx import export as onnx_file
from tsm_export.onnx.lint import onnx_lint
from tsm_export.tflite.conversion import QUANTIZATIONS
from tsm_live.artifact.file import load_artifact, read_spec


def _frame_logits(model, clip):
    return model(clip[None])["frame_logits"].numpy()[0]


def _stream(path, clip):
    """Runs bare ONNX Runtime over a clip, every name and layout by hand."""
    session = onnxruntime.InferenceSession(str(path))
    dtypes = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    names = [output.name for output in session.get_outputs()]
    state = {
        each.name: np.zeros(each.shape, dtypes[each.type])
        for each in session.get_inputs()
        if each.name != "frame"
    }
    logits = []
    for frame in clip.astype(np.float32):
        fed = {"frame": frame.transpose(2, 0, 1)[None], **state}
        outputs = dict(zip(names, session.run(names, fed), strict=True))
        state = {name: outputs[f"{name}_out"] for name in state}
        logits.append(outputs["logits"][0])
    return np.stack(logits)


@pytest.mark.slow
# What rounding explains in random networks, and no more: about twice what was
# measured. Trained ones are better, see docs/onnx.md.
@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        ({}, 1e-4),
        ({"backbone": "resnet18"}, 1e-4),
        ({"quantize": "float16"}, 4e-2),
        ({"quantize": "int8"}, 0.4),
        ({"quantize": "int8_tensorrt"}, 0.4),
    ],
)
def test_streaming_equals_the_clip_model_for_every_prefix(options, tolerance):
    model = clip_model(options.get("backbone", "mobilenet_v2"))
    clips = random_clips(3, model)
    # A causal network's logits of frame t are those of the prefix up to t.
    expected = np.stack([_frame_logits(model, clip) for clip in clips])
    found = np.stack([_stream(random_onnx(**options), clip) for clip in clips])
    error = relative_error(found, expected)
    assert error <= tolerance
    # Guards this test: a network without memory must not pass it.
    backward = _stream(random_onnx(**options), clips[0][::-1])[::-1]
    assert relative_error(backward, found[0]) > 1e-2


@pytest.mark.keras3_only  # Only the file matters, whatever Keras it is from.
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"operator": "mixtconv"}, id="mixtconv"),
        pytest.param({"backbone": "x3d", "context": "frame"}, id="x3d"),
        pytest.param(
            {"backbone": "x3d", "context": "past", "activation": "hard_swish"},
            id="x3d_past",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_streams_of_convolutions_in_time_equal_the_clip_model(fields, tmp_path):
    """There are more frames than the longest kernel covers, which is 7."""
    model = random_clip_model(**fields, num_segments=9, labels=LABELS)
    path = tmp_path / "model.onnx"
    export_onnx(model, path)
    assert onnx_lint(path.read_bytes()) == []
    (clip,) = random_clips(1, model)
    expected = _frame_logits(model, clip)
    found = _stream(path, clip)
    assert found.shape == (9, 7)
    assert relative_error(found, expected) <= 1e-4
    # A network without memory must not pass.
    assert relative_error(_stream(path, clip[::-1])[::-1], expected) > 1e-2


def test_a_clip_artifact_equals_the_clip_model():
    model = clip_model()
    session = onnxruntime.InferenceSession(str(random_onnx(kind="clip")))
    for clip in random_clips(2, model):
        fed = {"clip": clip.astype(np.float32).transpose(0, 3, 1, 2)}
        (found,) = session.run(["logits"], fed)
        expected = model(clip[None])["logits"]
        assert relative_error(found, expected) <= 1e-4


def test_bytes_in_probabilities_out_two_streams():
    path = random_onnx(input_dtype="uint8", softmax=True, streams=2)
    model = clip_model()
    clips = random_clips(2, model, seed=3)
    spec = read_spec(path)
    session = onnxruntime.InferenceSession(str(path))
    state = {
        cache.name: np.zeros(cache.shape, cache.dtype) for cache in spec.caches
    }
    expected = np.stack([_frame_logits(model, clip) for clip in clips])
    expected = np.exp(expected - expected.max(-1, keepdims=True))
    expected /= expected.sum(-1, keepdims=True)
    for time in range(clips.shape[1]):
        fed = {"frame": clips[:, time].transpose(0, 3, 1, 2), **state}
        names = ["probabilities", *(f"{name}_out" for name in state)]
        probabilities, *fresh = session.run(names, fed)
        state = dict(zip(state, fresh, strict=True))
        assert relative_error(probabilities, expected[:, time]) <= 1e-4


def test_names_order_layout_and_opset():
    model = onnx.load(random_onnx())
    caches = [f"cache_{k:02d}" for k in range(10)]
    assert [end.name for end in model.graph.input] == ["frame", *caches]
    assert [end.name for end in model.graph.output] == [
        "logits",
        *(f"{name}_out" for name in caches),
    ]
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    spec = read_spec(random_onnx())
    assert spec.layout == "NCHW" and spec.frame.shape == (1, 3, 64, 64)
    assert spec.versions["onnx_opset"] == "17"
    channels = [cache.shape[1] for cache in spec.caches]
    assert channels == [1, 2, 2, 3, 3, 3, 4, 4, 7, 7]  # An eighth, rounded.


def test_batch_normalization_is_folded_and_nothing_is_transposed():
    model = onnx.load(random_onnx())
    counts = collections.Counter(node.op_type for node in model.graph.node)
    assert counts["Conv"] == 52
    # One for the normalization of pixels, ten for the residuals.
    assert (counts["Mul"], counts["Add"]) == (1, 11)
    assert not counts["BatchNormalization"] and not counts["Transpose"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quantize": "float16"},
        {"quantize": "int8"},
        {"quantize": "int8_tensorrt"},
        {"kind": "clip"},
    ],
)
def test_lint_finds_nothing(options):
    assert onnx_lint(random_onnx(**options).read_bytes()) == []


@pytest.mark.keras3_only  # Only the file matters, whatever Keras it is from.
def test_float16_is_half_the_file_and_its_caches_are_float16():
    whole, half = (
        load_artifact(random_onnx(quantize))[1]
        for quantize in ("none", "float16")
    )
    graph = onnx.load_from_string(whole).graph
    weights = sum(len(each.raw_data) for each in graph.initializer)
    structure = len(whole) - weights  # Names and shapes are not halved.
    assert len(half) < 0.5 * len(whole) + structure
    spec = read_spec(random_onnx("float16"))
    assert {cache.dtype for cache in spec.caches} == {"float16"}
    assert spec.frame.dtype == spec.logits.dtype == "float32"


@pytest.mark.keras3_only  # Only the file matters, whatever Keras it is from.
@pytest.mark.parametrize("quantize", ["int8", "int8_tensorrt"])
def test_int8_weights_are_per_channel_and_caches_are_float(quantize):
    model = onnx.load(random_onnx(quantize))
    values = {each.name: each for each in model.graph.initializer}
    producers = {out: node for node in model.graph.node for out in node.output}
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        weights = producers[node.input[1]]
        assert weights.op_type == "DequantizeLinear"
        quantized, scale = (values[name] for name in weights.input[:2])
        assert quantized.data_type == onnx.TensorProto.INT8
        assert list(scale.dims) == [quantized.dims[0]]
        assert producers[node.input[0]].op_type == "DequantizeLinear"
    spec = read_spec(random_onnx(quantize))
    assert {cache.dtype for cache in spec.caches} == {"float32"}


@pytest.mark.keras3_only  # Only the file matters, whatever Keras it is from.
def test_for_tensorrt_every_zero_point_is_zero():
    model = onnx.load(random_onnx("int8_tensorrt"))
    values = {each.name: each for each in model.graph.initializer}
    zero_points = [
        onnx.numpy_helper.to_array(values[node.input[2]])
        for node in model.graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
    ]
    assert len(zero_points) > 100
    assert all(z.dtype == np.int8 and not z.any() for z in zero_points)


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        ({"shift": "bidirectional"}, {}, "needs later frames.*--lookahead"),
        ({}, {"quantize": "int8"}, "calibration_clips"),
        ({}, {"quantize": "dynamic"}, r"`quantize`.*'dynamic'"),
        ({}, {"kind": "film"}, r"`kind`.*Received: kind='film'"),
        ({"labels": ()}, {}, "labels"),
    ],
)
def test_refusals_leave_no_file(tmp_path, fields, options, message):
    fields = {"labels": tuple("abcdefg"), **fields}
    model = random_clip_model(**fields)
    with pytest.raises(ValueError, match=message):
        export_onnx(model, tmp_path / "x.onnx", **options)
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        export_onnx(model, tmp_path / "x.tflite", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.keras3_only  # Only the file matters, whatever Keras it is from.
def test_a_network_that_computes_something_else_is_refused(
    tmp_path, monkeypatch
):
    """One of three colors is 5% brighter."""
    convert = onnx_file.convert_onnx

    def brighten_green(*args, **kwargs):
        model = convert(*args, **kwargs)
        normalize = model.graph.node[0]
        (scale,) = (
            each
            for each in model.graph.initializer
            if each.name == normalize.input[1]
        )
        numbers = onnx.numpy_helper.to_array(scale)
        changed = numbers * np.array([1, 1.05, 1], np.float32)[:, None, None]
        scale.CopyFrom(onnx.numpy_helper.from_array(changed, scale.name))
        return model

    monkeypatch.setattr(onnx_file, "convert_onnx", brighten_green)
    path = tmp_path / "x.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ExportError, match="relative difference of at most"):
        export_onnx(clip_model(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r'pip install "tsm-keras\[onnx\]"'):
        export_onnx(clip_model(), tmp_path / "x.onnx")


def test_every_quantization_has_a_tolerance():
    every = {*onnx_file.ONNX_QUANTIZATIONS, *QUANTIZATIONS}
    assert set(parity._TOLERANCES) == every
