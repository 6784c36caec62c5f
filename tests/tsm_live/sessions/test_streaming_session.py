import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from testing.artifacts import clip_model, random_artifact
from testing.checkout import ROOT
from testing.mutations import model_bytes
from tsm_export import export_tflite
from tsm_export.tflite import conversion
from tsm_live import ArtifactError, StreamingSession, read_spec
from tsm_live.artifact.file import write_spec

KINDS = ("none", "int8")


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 90, 120, 3), np.uint8)


def _logits(session, frames, **options):
    return np.stack([session.step(f, **options).logits for f in frames])


@pytest.mark.parametrize("quantize", KINDS)
def test_reset_equals_a_fresh_session(frames, quantize):
    session = StreamingSession(random_artifact(quantize=quantize))
    first = _logits(session, frames)
    again = _logits(session, frames)
    assert not np.array_equal(first, again)  # The caches were not empty.
    session.reset()
    np.testing.assert_array_equal(_logits(session, frames), first)


@pytest.mark.parametrize("quantize", KINDS)
def test_two_sessions_do_not_mix(frames, quantize):
    path = random_artifact(quantize=quantize)
    alone = [
        _logits(StreamingSession(path), part) for part in (frames, 255 - frames)
    ]
    one, other = StreamingSession(path), StreamingSession(path)
    mixed = [
        (one.step(frame).logits, other.step(255 - frame).logits)
        for frame in frames
    ]
    for expected, found in zip(alone, zip(*mixed, strict=True), strict=True):
        np.testing.assert_array_equal(expected, np.stack(found))


def test_caches_are_fed_back_wherever_litert_places_them(
    frames, tmp_path, monkeypatch
):
    """In the converter's own order of tensors they are not side by side."""
    monkeypatch.setattr(conversion, "put_in_order", lambda model: None)
    export_tflite(clip_model(), tmp_path / "unordered.tflite")
    unordered = StreamingSession(tmp_path / "unordered.tflite")
    np.testing.assert_array_equal(
        _logits(unordered, frames),
        _logits(StreamingSession(random_artifact()), frames),
    )


def test_colours_are_told_apart(frames):
    path = random_artifact()
    rgb = _logits(StreamingSession(path), frames)
    bgr = _logits(StreamingSession(path), frames[..., ::-1], color="bgr")
    np.testing.assert_array_equal(rgb, bgr)
    wrong = _logits(StreamingSession(path), frames, color="bgr")
    assert not np.allclose(rgb, wrong)


def test_a_prediction_is_the_softmax_of_its_logits(frames):
    session = StreamingSession(random_artifact())
    prediction = session.step(frames[0])
    scores = np.exp(prediction.logits) / np.exp(prediction.logits).sum()
    assert prediction.label == session.spec.labels[scores.argmax()]
    assert prediction.score == pytest.approx(scores.max(), rel=1e-5)
    np.testing.assert_allclose(prediction.scores, scores, rtol=1e-5)
    names = [name for name, _ in prediction.top(3)]
    best = np.argsort(-scores)[:3]
    assert names == [session.spec.labels[number] for number in best]
    assert prediction.top(1) == [
        (prediction.label, pytest.approx(scores.max()))
    ]
    assert prediction.latency > 0


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
        np.zeros((1, 64, 3), np.uint8),
        "frame",
    ],
)
def test_a_wrong_frame_leaves_the_state_untouched(frames, frame):
    session = StreamingSession(random_artifact())
    expected = _logits(session, frames)
    session.reset()
    session.step(frames[0])
    with pytest.raises(ValueError, match=r"`frame` m.*Received: shape"):
        session.step(frame)
    np.testing.assert_array_equal(_logits(session, frames[1:]), expected[1:])


@pytest.mark.parametrize("quantize", KINDS)
def test_pixels_are_encoded_as_the_spec_says(quantize):
    session = StreamingSession(random_artifact(quantize=quantize))
    size = session.spec.frame.shape[1]
    rng = np.random.default_rng(1)
    square = rng.integers(0, 256, (size, size, 3), np.uint8)
    spec = session.spec.frame
    expected = square.astype(np.float64)
    if quantize == "int8":
        expected = np.round(expected / spec.scale) + spec.zero_point
    found = _encoded(session, square)
    assert found.dtype == spec.dtype
    np.testing.assert_array_equal(found, np.clip(expected, *_limits(spec)))


def _encoded(session, square):
    session._pixels.write([square], session._network.frame())
    return session._network.frame()[0].copy()


def _limits(spec):
    return (-128, 127) if spec.dtype == "int8" else (0, 255)


def test_a_wrong_colour_is_refused(frames):
    session = StreamingSession(random_artifact())
    with pytest.raises(ValueError, match="Received: color='yuv'"):
        session.step(frames[0], color="yuv")


def test_a_spec_that_does_not_describe_the_model_is_refused(tmp_path):
    mixed = tmp_path / "mixed.tflite"
    mixed.write_bytes(model_bytes(random_artifact(quantize="int8")))
    write_spec(mixed, read_spec(random_artifact()))
    with pytest.raises(ArtifactError, match="not what the embedded spec says"):
        StreamingSession(mixed)


def test_a_cache_that_the_spec_leaves_out_is_refused(tmp_path):
    spec = read_spec(random_artifact())
    fewer = tmp_path / "fewer.tflite"
    fewer.write_bytes(model_bytes(random_artifact()))
    write_spec(fewer, _without_last_cache(spec))
    with pytest.raises(ArtifactError, match=f"name. .*{spec.caches[-1].name}"):
        StreamingSession(fewer)


def _without_last_cache(spec):
    left_out = spec.caches[-1]
    return dataclasses.replace(
        spec,
        inputs=tuple(t for t in spec.inputs if t != left_out),
        outputs=tuple(t for t in spec.outputs if t.name != left_out.fed_by),
    )


def test_what_litert_cannot_load_is_refused(tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no flatbuffer at all")
    write_spec(broken, read_spec(random_artifact()))
    with pytest.raises(ArtifactError, match=r"broken\.tflite: .*cannot load"):
        StreamingSession(broken)


def test_the_runtime_imports_no_tensorflow():
    code = (
        "import sys; import tsm_live; from tsm_live import StreamingSession; "
        "import tsm_live.cli.annotate, tsm_live.cli.live_command; "
        "import tsm_live.cli.benchmark_command, tsm_live.views.window; "
        "import tsm_live.views.web.web_view; "
        "bad = {'tensorflow', 'keras', 'tsm_keras', 'tsm_export'}; "
        "assert not bad & {name.split('.')[0] for name in sys.modules}"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "apps/live", check=True
    )
