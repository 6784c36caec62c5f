"""Networks with several heads, from Keras to artifacts."""

import dataclasses

import numpy as np
import pytest

from testing.artifacts import (
    NOUN,
    VERB,
    random_clips,
    two_head_artifact,
    two_head_model,
)
from testing.models import small_config
from testing.numerics import relative_error
from tsm_export import command, export_tflite
from tsm_export.heads import result_specs
from tsm_export.verify import checks as checks_module
from tsm_export.verify import command as verify_command
from tsm_export.verify.checks import verify
from tsm_keras.command_flags import parse
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import save_preset
from tsm_live import ArtifactError, ClipSession, open_session, read_spec
from tsm_live.artifact.file import load_artifact, write_spec
from tsm_live.artifact.tensors import TensorSpec
from tsm_live.runtimes.open_network import open_network

# The same from either Keras.
pytestmark = pytest.mark.keras3_only


def _clips():
    return random_clips(3, two_head_model())


def _streamed(session, clips):
    """Returns the logits of each frame, `[B, T, K]` per head."""
    found = {"verb": [], "noun": []}
    for clip in clips:
        session.reset()
        steps = [session.step_squares([square])[0] for square in clip]
        for name, logits in found.items():
            logits.append([step.heads[name].logits for step in steps])
    return {name: np.array(logits) for name, logits in found.items()}


@pytest.mark.parametrize(
    ("quantize", "suffix"),
    [
        ("none", ".tflite"),
        ("int8", ".tflite"),
        ("none", ".onnx"),
        pytest.param("int8", ".onnx", marks=pytest.mark.slow),
    ],
)
def test_a_stream_equals_the_clip_model_head_by_head(quantize, suffix):
    session = open_session(two_head_artifact(quantize, suffix))
    clips = _clips()
    found = _streamed(session, clips)
    expected = two_head_model()(clips.astype(np.float32))
    for head in (VERB, NOUN):
        wanted = expected[f"frame_{head.output}"].numpy()
        logits = found[head.name]
        assert logits.shape == wanted.shape
        if quantize == "none":
            assert relative_error(logits, wanted) <= 1e-4
        else:  # int8 makes a random network inexact, but not arbitrary.
            error = np.linalg.norm(logits - wanted) / np.linalg.norm(wanted)
            assert error <= 0.3
    spec = session.spec
    assert [(head.name, head.labels) for head in spec.heads] == [
        ("verb", VERB.labels),
        ("noun", NOUN.labels),
    ]
    assert {head.role for head in spec.heads} == {"logits"}


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_an_output_with_an_unknown_role_is_ignored(tmp_path, suffix):
    path = two_head_artifact(suffix=suffix)
    spec, content = load_artifact(path)
    verb, noun, *caches = spec.outputs
    noun = dataclasses.replace(noun.bare, role="boxes")
    newer = tmp_path / f"newer{suffix}"
    newer.write_bytes(content)
    write_spec(newer, dataclasses.replace(spec, outputs=(verb, noun, *caches)))
    squares = [_clips()[0, 0]]
    (found,) = open_session(newer).step_squares(squares)
    (expected,) = open_session(path).step_squares(squares)
    np.testing.assert_array_equal(found.logits, expected.heads["verb"].logits)
    assert found.label == expected.heads["verb"].label


@pytest.mark.slow
def test_a_clip_gives_the_probabilities_of_each_head():
    path = two_head_artifact(kind="clip", softmax=True)
    spec, model = load_artifact(path)
    session = ClipSession(spec, lambda: open_network(path, spec, model))
    clip = _clips()[0]
    prediction = session.classify_squares(clip)
    expected = two_head_model()(clip[None].astype(np.float32))
    for head in (VERB, NOUN):
        logits = expected[head.output].numpy()[0]
        wanted = np.exp(logits) / np.exp(logits).sum()
        found = prediction.heads[head.name]
        np.testing.assert_allclose(found.scores, wanted, atol=1e-4)
        assert found.label == head.labels[logits.argmax()]
    assert [(head.name, head.role) for head in spec.heads] == [
        ("verb", "probabilities"),
        ("noun", "probabilities"),
    ]


@pytest.mark.slow
def test_streams_of_a_batch_have_heads_of_their_own():
    batch = open_session(two_head_artifact(streams=2), isolated=True)
    alone = open_session(two_head_artifact())
    clips = _clips()
    expected = [_streamed(alone, clips[[number]]) for number in (0, 1)]
    for step in range(clips.shape[1]):
        found = batch.step_squares(list(clips[:2, step]))
        for number, prediction in enumerate(found):
            for name, logits in expected[number].items():
                error = relative_error(
                    prediction.heads[name].logits, logits[0, step]
                )
                assert error <= 1e-4


@pytest.mark.slow
def test_every_output_is_verified():
    path, model = two_head_artifact(), two_head_model()
    checks = {c.name: c for c in verify(path, model, _clips(), soak_frames=20)}
    rows = ["equals Keras", "equals the clip, every prefix"]
    assert {f"{row} ({head})" for row in rows for head in ("verb", "noun")} < {
        *checks
    }
    assert not [check for check in checks.values() if check.passed is False]


def test_a_wrong_head_fails_alone(monkeypatch):
    monkeypatch.setattr(checks_module, "gpu_environment", lambda: None)
    model = two_head_model()
    other = build_clip_model(model.video_config)
    for layer in model.layers:
        other.get_layer(layer.name).set_weights(layer.get_weights())
    kernel, bias = other.get_layer(NOUN.classifier).get_weights()
    other.get_layer(NOUN.classifier).set_weights([kernel, bias + 1])
    checks = verify(two_head_artifact(), other, _clips(), soak_frames=0)
    parity = {c.name: c.passed for c in checks if c.name.startswith("equals")}
    assert parity == {
        "equals Keras (verb)": True,
        "equals the clip, every prefix (verb)": True,
        "equals Keras (noun)": False,
        "equals the clip, every prefix (noun)": False,
    }


@pytest.mark.slow
def test_the_commands_take_presets_with_several_heads(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(checks_module, "gpu_environment", lambda: None)
    preset = str(save_preset(two_head_model(), tmp_path / "preset"))
    path = tmp_path / "model.tflite"

    def export(*given):
        given = preset, f"--to={path}", "--soak_frames=0", *given
        command.main(parse(command.FLAGS, "tsm export", given))

    with pytest.raises(ValueError, match="Received: 'nome'"):
        export("--no_gesture=nome")
    assert not path.exists()
    export("--no_gesture=none", "--start_score=0.5")
    heads = read_spec(path).heads
    assert [head.no_gesture for head in heads] == [("none",), ("none",)]
    assert "equals Keras (noun)" in capsys.readouterr().out
    given = str(path), preset, "--clips=2", "--soak_frames=0"
    verify_command.main(parse(verify_command.FLAGS, "tsm verify", given))
    rows = capsys.readouterr().out.splitlines()
    assert sum("pass" in row and "(verb)" in row for row in rows) == 2


def test_each_head_has_the_classes_without_a_gesture_that_it_knows():
    def heads(*no_gesture):
        tensors = {
            head.name: TensorSpec(head.name, (1, len(head.labels)), "float32")
            for head in (NOUN, VERB)
        }
        config = two_head_model().video_config
        found = result_specs(tensors, config, no_gesture=no_gesture)
        return [head.no_gesture for head in found]

    assert heads("none", "hand") == [("none",), ("none", "hand")]
    assert heads("hand") == [(), ("hand",)]
    with pytest.raises(ArtifactError, match="`no_gesture` of `verb`.*'foot'"):
        heads("none", "foot")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ()}, r"labels=\(\) for the head 'noun'"),
        ({"name": "frame"}, "Received: 'frame'"),
        ({"name": "cache_00"}, "Received: 'cache_00'"),
    ],
)
def test_heads_that_an_artifact_cannot_hold_are_refused(
    tmp_path, change, message
):
    heads = VERB, dataclasses.replace(NOUN, **change)
    model = build_clip_model(small_config().changed(heads=heads))
    with pytest.raises(ValueError, match=message):
        export_tflite(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
