"""What a spec may say, and that the JSON text of format 3 says the same."""

import dataclasses
import json

import hypothesis
import pytest
from hypothesis import strategies as st

from testing.specs import SPEC, specs
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec
from tsm_live.artifact.spec_json import spec_from_json, spec_to_json


@hypothesis.given(specs())
def test_what_is_written_is_read(spec):
    assert spec_from_json(spec_to_json(spec)) == spec


@hypothesis.given(specs(), st.data())
def test_unknown_keys_are_ignored(spec, data):
    """A later version may add some, at any depth."""
    values = json.loads(spec_to_json(spec))
    places = [values, values["image"], values["decision"]]
    places += [*values["inputs"], *values["outputs"]]
    data.draw(st.sampled_from(places))["from_the_future"] = data.draw(_JSON)
    assert spec_from_json(json.dumps(values)) == spec


def test_outputs_with_an_unknown_role_are_kept_and_heads_found():
    boxes = TensorSpec("boxes", (1, 100, 4), "float16", role="boxes")
    spec = dataclasses.replace(SPEC, outputs=(boxes, *SPEC.outputs))
    spec = spec_from_json(spec_to_json(spec))
    assert spec.outputs[0] == boxes
    assert [head.name for head in spec.heads] == ["logits"]
    assert spec.labels == ("push", "größer <b>")


def test_a_task_without_classification_has_no_logits():
    boxes = TensorSpec("boxes", (1, 100, 4), "float32", role="boxes")
    spec = dataclasses.replace(
        SPEC, task="tracking", outputs=(boxes, *SPEC.outputs[1:])
    )
    assert spec_from_json(spec_to_json(spec)).heads == ()
    with pytest.raises(ArtifactError, match=r"Received: the task 'tracking'"):
        spec.logits  # noqa: B018


def test_each_head_has_labels_of_its_own():
    verb = TensorSpec(
        "verb", (1, 3), "float32", role="logits", labels=("a", "b", "none")
    )
    noun = dataclasses.replace(
        verb, name="noun", shape=(1, 2), labels=("a", "c")
    )
    spec = dataclasses.replace(SPEC, outputs=(verb, noun, *SPEC.outputs[1:]))
    found = spec_from_json(spec_to_json(spec)).heads
    assert {head.name: head.labels for head in found} == {
        "verb": ("a", "b", "none"),
        "noun": ("a", "c"),
    }
    with pytest.raises(ArtifactError, match=r"Received: .*\['verb', 'noun'\]"):
        spec.labels  # noqa: B018


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(specs(), st.data())
def test_a_spec_with_a_wrong_value_reads_or_is_refused(spec, data):
    values = json.loads(spec_to_json(spec))
    place: dict | list = values
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(place[key], (dict, list)) or not place[key]:
            break
        if data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place[key] = data.draw(_JSON)
    else:
        del place[key]
    _reads_or_is_refused(json.dumps(values))


@hypothesis.given(
    st.text() | _JSON.map(json.dumps),
    st.sampled_from(["%s", '{"format": 2, "frame": %s}', "[" * 5000 + "%s"]),
)
def test_a_foreign_text_is_refused(text, around):
    with pytest.raises(ArtifactError):
        spec_from_json(around % text)


@hypothesis.given(st.data())
def test_a_wrong_value_in_format_2_reads_or_is_refused(data):
    values = {
        "format": 2,
        "kind": "stream",
        "labels": ["a", "b"],
        "frame": _format_2_tensor("frame", 1, 32, 32, 3),
        "logits": _format_2_tensor("logits", 1, 2),
        "caches": [_format_2_tensor("cache_00", 1, 8, 8, 2)],
        "resize_size": 36,
        "frame_interval": 0.1,
        "num_segments": 8,
        "quantization": "none",
        "preset_hash": "",
        "versions": {},
        "model_hash": "",
        "layout": "NHWC",
    }
    assert isinstance(spec_from_json(json.dumps(values)), ArtifactSpec)
    place = data.draw(
        st.sampled_from([values, values["frame"], values["caches"][0]])
    )
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(_JSON)
    _reads_or_is_refused(json.dumps(values))


def _format_2_tensor(name, *shape):
    tensor = {"name": name, "shape": shape, "dtype": "float32"}
    return {**tensor, "scale": 0.0, "zero_point": 0}


def _reads_or_is_refused(text):
    try:
        spec = spec_from_json(text)
    except ArtifactError as error:
        assert "Received: " in str(error) or "not JSON" in str(error)
        return
    # What is read can be written, and says the same again.
    assert spec_from_json(spec_to_json(spec)) == spec


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (4, r"newer version.*upgrade tsm-live. Received: 4"),
        (1, r"`format` must be 2 or 3. Received: 1"),
        ("3", r"`format` must be 2 or 3. Received: '3'"),
        (None, r"`format` must be 2 or 3. Received: None"),
    ],
)
def test_another_format_is_refused(number, message):
    values = json.loads(spec_to_json(SPEC)) | {"format": number}
    with pytest.raises(ArtifactError, match=message):
        spec_from_json(json.dumps(values))


_LOGITS, _CACHE, _FRAME = ("outputs", 0), ("inputs", 1), ("inputs", 0)
# Where, what is said there, and what the error names.
REFUSED = [
    ((), "kind", "frames", "`kind`.*Received: 'frames'"),
    ((), "frame_interval", -1, "`frame_interval` must be seconds"),
    ((), "frame_interval", 10**400, "`frame_interval`"),
    ((), "frame_interval", float("nan"), "`frame_interval`.*Received: nan"),
    ((), "frame_interval", "1", "`frame_interval`.*Received: '1'"),
    ((), "frame_interval", True, "`frame_interval`.*Received: True"),
    ((), "num_segments", 0, "`num_segments`.*Received: 0"),
    ((), "sampling", "dense", "`sampling` must be 'segments'"),
    ((), "versions", {"keras": 3}, "`versions`"),
    ((), "decision", {"start_score": 2}, "`decision`.*Received: .*2"),
    ((), "decision", {"end_score": 0.7, "start_score": 0.6}, "`decision`"),
    ((), "decision", {"average": -1}, "`decision`"),
    (("image",), "layout", "CHWN", "`layout`.*Received: 'CHWN'"),
    (("image",), "color", "BGR", "`image.color` must be 'RGB'.*'BGR'"),
    (("image",), "range", [0, 1], "`image.range`.*Received: \\[0, 1\\]"),
    (("image",), "orientation", "mirrored", "`image.orientation`"),
    (("image",), "resize", "long_side", "`image.resize`"),
    (("image",), "crop", "left", "`image.crop`"),
    (("image",), "crop_size", 63, "`image.crop_size` must be 64.*: 63"),
    (("image",), "resize_size", 63, "`resize_size`.*Received: 63"),
    (("image",), "resize_size", 64 * 16 + 1, "`resize_size`"),
    (_FRAME, "dtype", "float16", "`dtype` of `frame`.*Received: 'float16'"),
    (_FRAME, "role", "flow", "`inputs`.*cannot be fed.*'flow'"),
    (_FRAME, "shape", [1, 64, 32, 3], "`shape` of `frame`"),
    (_FRAME, "shape", [1, 3, 64, 64], "`shape` of `frame`.*NHWC here"),
    (_FRAME, "scale", 0, "`scale` of `frame`.*Received: 0"),
    (_FRAME, "zero_point", 128, "`zero_point` of `frame`.*Received: 128"),
    (_FRAME, "dtype", "int4", "`dtype` of `frame`.*Received: 'int4'"),
    (_LOGITS, "dtype", "float16", "`dtype` of `logits`"),
    (_LOGITS, "labels", ["push", "push"], "`labels` of `logits`.*different"),
    (_LOGITS, "labels", ["push", ""], "`labels` of `logits`"),
    (_LOGITS, "labels", ["a\nb", "c"], "`labels` of `logits`"),
    (_LOGITS, "labels", ["\ud800", "c"], "`labels` of `logits`"),
    (_LOGITS, "labels", ["push", "b", "c"], r"`shape` of `logits`.*\(1, 3\)"),
    (_LOGITS, "labels", [], "`labels` of `logits`"),
    (_LOGITS, "no_gesture", ["pull"], "`no_gesture` of `logits`.*'pull'"),
    (_LOGITS, "no_gesture", ["push", "größer <b>"], "`no_gesture`.*not all"),
    (_LOGITS, "role", "boxes", "`outputs`.*for a classification"),
    (_LOGITS, "name", "frame", "`name` must be different"),
    (_CACHE, "frames", -1, "`frames` of `cache_00`.*Received: -1"),
    (_CACHE, "fed_by", "", "`fed_by` of `cache_00`"),
    (_CACHE, "fed_by", "logits", "`fed_by`.*Received: \\['logits'\\]"),
    (_CACHE, "zero_state", 0, "`zero_state` of `cache_00`.*, 67. Received: 0"),
    (_CACHE, "scale", 0.03, "`cache_00_out` must be like the cache"),
    (_CACHE, "shape", [1, 16, 8, 1], "`cache_00_out` must be like the cache"),
]


@pytest.mark.parametrize(("place", "field", "value", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(place, field, value, message):
    values = json.loads(spec_to_json(SPEC))
    target = values
    for key in place:
        target = target[key]
    target[field] = value
    with pytest.raises(ArtifactError, match=message):
        spec_from_json(json.dumps(values))


@pytest.mark.parametrize(
    "field", ["kind", "inputs", "outputs", "image", "sampling", "quantization"]
)
def test_a_missing_field_is_named(field):
    values = json.loads(spec_to_json(SPEC))
    del values[field]
    with pytest.raises(ArtifactError, match=f"`{field}"):
        spec_from_json(json.dumps(values))


LATE = dataclasses.replace(
    SPEC,
    inputs=(
        SPEC.frame,
        TensorSpec(
            *("valid", (1, 1, 1, 2), "int8", 1 / 255, -128),
            role="valid",
            entries=(0, 1),
        ),
        SPEC.inputs[1],
    ),
    outputs=(
        dataclasses.replace(SPEC.logits, late=2),
        *SPEC.outputs[1:],
    ),
)


def test_lookahead_needs_the_input_that_says_which_frames_exist():
    assert (LATE.delay, SPEC.delay) == (2, 0)
    assert LATE.fed == LATE.inputs[:2] and SPEC.fed == SPEC.inputs[:1]
    with pytest.raises(ArtifactError, match="`late` must be .*Received: .2."):
        dataclasses.replace(LATE, inputs=SPEC.inputs)
    with pytest.raises(ArtifactError, match="at most one with the role 'val"):
        another = dataclasses.replace(LATE.valid, name="another")
        dataclasses.replace(LATE, inputs=(*LATE.inputs, another))
    with pytest.raises(ArtifactError, match="`entries` of `valid`"):
        dataclasses.replace(LATE.valid, entries=(0,))
    with pytest.raises(ArtifactError, match="`entries` of `logits`"):
        dataclasses.replace(LATE.logits, entries=(0,))
    two = dataclasses.replace(LATE.valid, shape=(2, 1, 1, 2))
    with pytest.raises(ArtifactError, match="`shape` of `valid`"):
        dataclasses.replace(LATE, inputs=(LATE.frame, two, LATE.inputs[2]))


def test_all_heads_are_equally_late():
    verb = dataclasses.replace(LATE.logits, name="verb", late=1)
    with pytest.raises(ArtifactError, match="same for all heads"):
        dataclasses.replace(LATE, outputs=(verb, *LATE.outputs))


def test_a_clip_has_no_caches():
    with pytest.raises(ArtifactError, match="role 'clip'"):
        dataclasses.replace(SPEC, kind="clip")


def test_every_cache_is_fed_by_one_output():
    with pytest.raises(ArtifactError, match="`fed_by`"):
        dataclasses.replace(SPEC, inputs=SPEC.inputs[:1])
    with pytest.raises(ArtifactError, match="`fed_by`"):
        dataclasses.replace(SPEC, outputs=SPEC.outputs[:1])
