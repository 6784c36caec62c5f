"""Every kind of artifact through LiteRT, against the Keras model."""

import dataclasses

import numpy as np
import pytest

from testing.artifacts import (
    clip_model,
    random_artifact,
    random_clips,
    reuse_conversion,
)
from testing.models import rounding_tolerance
from testing.numerics import relative_error
from tsm_export import export_tflite, networks
from tsm_export.tflite.input_type import with_input_type
from tsm_live.artifact.file import load_artifact, read_spec, write_spec
from tsm_live.artifact.spec import TensorSpec
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.clip_session import ClipSession
from tsm_live.sessions.open_session import open_session


def _frame_logits(model, clip):
    return model(clip[None].astype(np.float32))["frame_logits"].numpy()[0]


def _streamed(path, clip):
    session = open_session(path)
    steps = [session.step_squares([square])[0] for square in clip]
    return np.stack([step.logits for step in steps])


@pytest.mark.parametrize(
    ("quantize", "size", "tolerance"),
    [("float16", 0.55, 0.05), ("dynamic", 0.36, 0.5)],
)
def test_smaller_weights_give_nearly_the_same(quantize, size, tolerance):
    """At width 0.35 the structure, which is not halved, is 4% of the file."""
    path = random_artifact(quantize=quantize)
    whole = random_artifact().stat().st_size
    assert path.stat().st_size / whole < size
    clip = random_clips(1, clip_model())[0]
    expected = _frame_logits(clip_model(), clip)
    assert 0 < relative_error(_streamed(path, clip), expected) < tolerance


def test_streams_of_a_batch_do_not_mix():
    """One export has all of: streams, int8, bytes in, probabilities out."""
    together = _everything()
    spec = read_spec(together)
    assert spec.streams == 2 and spec.caches[0].shape[0] == 2
    session = open_session(together)
    clips = random_clips(3, clip_model())

    def streamed(*numbers):
        session.reset()
        steps = [
            session.step_squares(frames)
            for frames in clips[list(numbers)].swapaxes(0, 1)
        ]
        return np.array([[p.logits for p in step] for step in steps]).swapaxes(
            0, 1
        )

    one, other = streamed(0, 1)
    np.testing.assert_array_equal(streamed(1, 0), [other, one])
    np.testing.assert_array_equal(streamed(0, 2)[0], one)
    assert np.abs(one - other).max() > 0.1


def _everything():
    return random_artifact(
        quantize="int8", streams=2, input_dtype="uint8", softmax=True
    )


def test_the_spec_says_what_comes_in_and_goes_out():
    spec = read_spec(_everything())
    assert spec.frame == TensorSpec(
        "frame", (2, 64, 64, 3), "uint8", 1.0, 0, role="frame"
    )
    assert spec.logits.name == spec.logits.role == "probabilities"
    assert spec.labels == clip_model().video_config.head.labels
    assert {cache.dtype for cache in spec.caches} == {"int8"}


def test_the_artifact_carries_what_a_gesture_is(tmp_path, monkeypatch):
    path = tmp_path / "x.tflite"
    reuse_conversion(monkeypatch)
    export_tflite(
        clip_model(),
        path,
        no_gesture=("b", "c"),
        decision={"average": 0.25, "cooldown": 2.0},
    )
    spec = read_spec(path)
    assert spec.logits.no_gesture == ("b", "c")
    assert spec.decision == {
        "average": 0.25,
        "min_duration": 0.2,
        "cooldown": 2.0,
        "start_score": 0.6,
        "end_score": 0.4,
    }


def test_the_artifact_says_how_many_frames_its_caches_remember(
    tmp_path, monkeypatch
):
    """As the streaming network does; 0 stands for a running mean."""
    assert {cache.frames for cache in read_spec(random_artifact()).caches} == {
        1
    }
    build = networks.to_streaming

    def with_a_mean(model, **options):
        network = build(model, **options)
        network.cache_frames = {**network.cache_frames, "cache_09": 0}
        return network

    monkeypatch.setattr(networks, "to_streaming", with_a_mean)
    reuse_conversion(monkeypatch)
    spec = export_tflite(clip_model(), tmp_path / "x.tflite")
    assert [cache.frames for cache in spec.caches] == [1] * 9 + [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"no_gesture": ("x",)}, r"`no_gesture` of `logits`.*\('x',\)"),
        ({"decision": {"start_score": 2}}, "`decision`.*'start_score': 2"),
        ({"decision": {"avrage": 2}}, "`decision`.*'avrage': 2"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(
    tmp_path, monkeypatch, options, message
):
    reuse_conversion(monkeypatch)
    with pytest.raises(ValueError, match=message):
        export_tflite(clip_model(), tmp_path / "x.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_two_exports_are_one_file(tmp_path):
    """The dates and the system leave no trace, only the model's bytes do."""
    again = tmp_path / "again.tflite"
    export_tflite(clip_model(), again)
    (_, model), (_, other) = map(load_artifact, (again, random_artifact()))
    assert (again.read_bytes() == random_artifact().read_bytes()) == (
        model == other
    )
    assert again.read_bytes()[len(model) :].startswith(b"PK\3\4")


def test_probabilities_are_the_softmax_of_the_logits():
    clip = random_clips(1, clip_model())[0]
    session = open_session(_everything())
    steps = [session.step_squares([square, square])[0] for square in clip]
    found = np.stack([step.logits for step in steps])
    logits = _streamed(random_artifact(quantize="int8"), clip)

    def softmax(values):
        scores = np.exp(values - values.max(axis=-1, keepdims=True))
        return scores / scores.sum(axis=-1, keepdims=True)

    # A step of the int8 output is 1/256, of the logits before it some more.
    np.testing.assert_allclose(softmax(found), softmax(logits), atol=0.05)
    assert np.ptp(softmax(logits)) > 0.5


@pytest.mark.parametrize(
    ("quantize", "dtype"),
    [("none", "uint8"), ("int8", "uint8"), ("int8", "float32")],
)
def test_another_input_type_changes_nothing_else(tmp_path, quantize, dtype):
    own = random_artifact(quantize=quantize)
    spec = read_spec(own)
    content = own.read_bytes()
    content = content[: content.index(b"PK\3\4")]
    changed = tmp_path / "changed.tflite"
    changed.write_bytes(with_input_type(content, "frame", dtype))
    scale = 1.0 if dtype == "uint8" else 0.0
    frame = dataclasses.replace(
        spec.frame, dtype=dtype, scale=scale, zero_point=0
    )
    inputs = (frame, *spec.caches)
    write_spec(changed, dataclasses.replace(spec, inputs=inputs))
    clip = random_clips(1, clip_model())[0]
    np.testing.assert_array_equal(
        _streamed(changed, clip), _streamed(own, clip)
    )


def test_the_type_it_has_needs_no_change():
    content = random_artifact().read_bytes()
    assert with_input_type(content, "frame", "float32") == content


@pytest.mark.parametrize(
    ("backbone", "shift"),
    [("mobilenet_v2", "bidirectional"), ("resnet18", "causal")],
)
def test_a_clip_artifact_equals_the_clip_model(backbone, shift):
    model = clip_model(backbone, shift)
    path = random_artifact(backbone, shift=shift, kind="clip")
    spec = read_spec(path)
    assert spec.frame.name == "clip"
    assert spec.frame.shape == model.inputs[0].shape[1:]
    assert spec.logits.shape == (1, 7) and not spec.caches
    clips = random_clips(3, model)
    expected = model(clips.astype(np.float32))["logits"].numpy()
    session = ClipSession(
        spec, lambda: open_network(path, *load_artifact(path))
    )
    found = np.stack([session.classify_squares(clip).logits for clip in clips])
    tolerance = rounding_tolerance(model, clips)
    assert relative_error(found, expected) <= tolerance


def test_another_size_has_the_same_weights(tmp_path):
    spec = export_tflite(clip_model(), tmp_path / "x.tflite", image_size=96)
    assert spec.frame.shape == (1, 96, 96, 3)
    assert spec.resize_size == 110
    assert spec.caches[0].shape[1:3] == (24, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "frames"}, r"`kind`.*Received: kind='frames'"),
        ({"kind": "clip", "streams": 2}, "Received: streams=2"),
        ({"streams": 0}, "Received: streams=0"),
        ({"input_dtype": "int16"}, r"`input_dtype`.*'int16'"),
        ({"image_size": 8}, "`image_size`"),
    ],
)
def test_refusals_leave_no_file(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export_tflite(clip_model(), tmp_path / "x.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_what_fails_its_check_does_not_appear(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"old")

    def check(artifact):
        assert read_spec(artifact).kind == "clip"
        raise ValueError("not good enough")

    with pytest.raises(ValueError, match="not good enough"):
        export_tflite(clip_model(), path, kind="clip", check=check)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
