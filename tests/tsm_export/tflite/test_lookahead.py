"""Artifacts that look ahead: they answer late, with what the clip gives."""

import numpy as np
import pytest

from testing.artifacts import (
    LABELS,
    clip_model,
    random_artifact,
    random_clips,
)
from testing.gpu import require_gpu
from testing.models import logits_of, random_clip_model, rounding_tolerance
from testing.numerics import relative_error
from tsm_export import export_onnx, export_tflite
from tsm_export.tflite.flatbuffer import op_name, unpack
from tsm_export.verify.checks import verify
from tsm_export.verify.trial import run_trial
from tsm_live import open_session
from tsm_live.artifact.file import load_artifact, read_spec

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

BOTH = {"shift": "bidirectional"}
NETWORKS = {
    "shift": BOTH | {"stages": (5, 6)},
    "mixtconv": {"operator": "mixtconv", "causal": False, "stages": (6,)},
    "x3d_past": {"backbone": "x3d", "causal": False, "context": "past"},
}


def model_of(name, frames=7):
    fields = NETWORKS[name] | {"num_segments": frames, "labels": LABELS}
    return random_clip_model(**fields)


def uint8_clips(model, clips=1):
    return random_clips(clips, model)


def answers(session, squares):
    """Streams the frames of a clip to its end, one after the other."""
    steps = [session.step_squares([square])[0] for square in squares]
    due = session.delay
    assert steps[:due] == [None] * min(due, len(squares))
    return [*steps[due:], *session.finish()]


def expect_clip(path, model, clip):
    """Expects the logits of every frame of the clip model, in order."""
    session = open_session(path)
    clips = clip[None].astype(np.float32)
    _, (expected,) = logits_of(model, clips)
    tolerance = rounding_tolerance(model, clips)
    for _ in range(2):  # After the end of a stream, the session starts anew.
        found = answers(session, clip)
        assert [x.frame for x in found] == list(range(len(clip)))
        logits = np.stack([x.logits for x in found])
        assert relative_error(logits, expected) <= tolerance


def test_a_session_answers_late_and_finishes(tmp_path):
    model, path = model_of("shift"), tmp_path / "late.tflite"
    spec = export_tflite(model, path, lookahead=True)
    assert spec.delay == spec.logits.late == 4
    assert spec.valid and spec.valid.entries == (0, 1, 2, 3)
    assert [cache.late for cache in spec.caches] == [0, 1, 1, 2, 2, 3, 3, 4]
    (clip,) = uint8_clips(model)
    expect_clip(path, model, clip)
    # A stream shorter than the delay is answered at its end.
    session = open_session(path)
    assert answers(session, clip[:1])[0].frame == 0
    assert session.finish() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixtconv", "x3d_past"])
def test_every_operator_passes_all_checks(name, tmp_path):
    """Against Keras, in a long stream, and on a GPU alone."""
    require_gpu()
    model, path = model_of(name), tmp_path / "late.tflite"
    export_tflite(model, path, lookahead=True)
    clips = uint8_clips(model, clips=2)
    expect_clip(path, model, clips[0])
    checks = {c.name: c for c in verify(path, model, clips, soak_frames=200)}
    assert "equals the clip" in checks
    soak = checks.pop("soak of 200 frames")
    assert soak.passed, soak.detail
    assert ("no reset test" in soak.detail) == (name == "x3d_past")
    assert all(check.passed for check in checks.values()), checks


@pytest.mark.slow
def test_two_streams_start_and_end_alone_in_onnx_runtime(tmp_path):
    pytest.importorskip("onnxruntime")
    model, path = model_of("shift"), tmp_path / "late.onnx"
    spec = export_onnx(model, path, lookahead=True, streams=2)
    assert spec.valid.shape == (2, 4, 1, 1)
    one, other = clips = uint8_clips(model, clips=2)
    for check in verify(path, model, clips, soak_frames=200):
        assert check.passed, check
    session = open_session(path)
    found = [[], []]
    # The second stream starts later, and stands still once.
    for place in range(9):
        second = {0: None, 1: None, 5: None}.get(place, 0)
        squares = [
            one[place] if place < len(one) else None,
            other[place - (2 if place < 5 else 3)] if second == 0 else None,
        ]
        if place == len(one):
            found[0] += session.finish_streams([0])[0]
        for answer, rest in zip(
            session.step_squares(squares), found, strict=True
        ):
            rest += [answer] if answer else []
    assert session.finish_streams([0]) == [[], []]
    found[1] += session.finish_streams()[1]
    for clip, stream in ((one, found[0]), (other[:6], found[1])):
        fields = NETWORKS["shift"] | {"labels": LABELS}
        same = random_clip_model(**fields, num_segments=len(clip))
        same.set_weights(model.get_weights())
        clips = clip[None].astype(np.float32)
        _, (expected,) = logits_of(same, clips)
        assert [x.frame for x in stream] == list(range(len(clip)))
        logits = np.stack([x.logits for x in stream])
        tolerance = rounding_tolerance(same, clips)
        assert relative_error(logits, expected) <= tolerance


@pytest.mark.slow
def test_int8_of_two_streams_agrees_with_the_int8_clip(tmp_path):
    """Both are about as near to the clip model in float."""
    environment = require_gpu()
    model, path = model_of("shift"), tmp_path / "late.tflite"
    clips = uint8_clips(model, clips=8)
    options = {"quantize": "int8", "calibration_clips": clips}
    spec = export_tflite(model, path, lookahead=True, streams=2, **options)
    # A mask of one lets every number pass unchanged.
    one = spec.valid.scale * (127 - spec.valid.zero_point)
    assert one == pytest.approx(1.0, abs=1e-6)
    for before, after in masked(path):
        assert before.scale == after.scale
        assert before.zeroPoint == after.zeroPoint
    _, content = load_artifact(path)
    found = run_trial(spec, content, clips).logits["logits"]
    _, expected = logits_of(model, clips.astype(np.float32))
    clip_path = tmp_path / "clip.tflite"
    export_tflite(model, clip_path, kind="clip", **options)
    clip = run_trial(*load_artifact(clip_path), clips).logits["logits"]
    means = expected.mean(axis=1)
    error = relative_error(found.mean(axis=1), means)
    assert error <= 1.5 * relative_error(clip, means)
    on_gpu = run_trial(
        spec, content, clips[:2], accelerator="gpu", environment=environment
    ).logits["logits"]
    assert relative_error(on_gpu, found[:2]) <= relative_error(found, expected)


def masked(path):
    """Yields the scales of features before and after their mask."""
    spec, content = load_artifact(path)
    model = unpack(content)
    (graph,) = model.subgraphs
    count = 0
    for operator in graph.operators:
        if op_name(model, operator) != "MUL":
            continue
        tensors = [graph.tensors[i] for i in operator.inputs]
        pixels = [t for t in tensors if list(t.shape) == [2, 1, 1, 1]]
        if not pixels:
            continue
        (features,) = (t for t in tensors if t is not pixels[0])
        count += 1
        yield (
            features.quantization,
            graph.tensors[operator.outputs[0]].quantization,
        )
    assert count == len(spec.valid.entries)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"kind": "clip"}, "lookahead is for kind='stream'"),
        ({"quantize": "int8_qat"}, "use int8, which measures them"),
    ],
)
def test_refuses_what_cannot_look_ahead(options, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        export_tflite(
            clip_model(shift="bidirectional"),
            tmp_path / "late.tflite",
            lookahead=True,
            **options,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_causal_artifact_does_not_change(tmp_path):
    path, same = random_artifact(), tmp_path / "same.tflite"
    export_tflite(clip_model(), same, lookahead=True)
    assert same.read_bytes() == path.read_bytes()
    assert read_spec(path).valid is None
