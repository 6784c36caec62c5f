"""The spec of a detector: what it may say, in JSON and in the schema."""

import dataclasses
import json

import jsonschema
import pytest

from testing.checkout import ROOT
from testing.specs import DETECTOR, SPEC
from tsm_live.artifact.spec import ArtifactError
from tsm_live.artifact.spec_json import spec_from_json, spec_to_json

_SCHEMA = json.loads((ROOT / "docs/artifact.schema.json").read_text("utf-8"))
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)
_CHANNELS_FIRST = dataclasses.replace(
    DETECTOR,
    kind="clip",
    layout="NCHW",
    inputs=(
        dataclasses.replace(DETECTOR.frame, role="clip", shape=(5, 3, 64, 64)),
    ),
    outputs=tuple(
        dataclasses.replace(tensor, shape=(5, tensor.shape[3], 8, 8))
        for tensor in DETECTOR.results
    ),
)


@pytest.mark.parametrize("spec", [DETECTOR, _CHANNELS_FIRST])
def test_what_is_written_is_read(spec):
    text = spec_to_json(spec)
    assert spec_from_json(text) == spec
    _VALIDATOR.validate(json.loads(text))
    assert spec.labels == ("cat", "dog", "bird")
    assert spec.heads == ()


def test_unknown_keys_and_outputs_are_ignored():
    values = json.loads(spec_to_json(DETECTOR))
    values["detection"]["classes"] = 80
    assert spec_from_json(json.dumps(values)) == DETECTOR
    more = dataclasses.replace(DETECTOR.results[0], name="ids", role="ids")
    spec = dataclasses.replace(DETECTOR, outputs=(more, *DETECTOR.outputs))
    assert spec_from_json(spec_to_json(spec)) == spec


def test_a_classification_has_no_rule_for_boxes():
    values = json.loads(spec_to_json(SPEC))
    assert "detection" not in values
    # A key that such a reader does not know.
    values["detection"] = {"stride": "wide"}
    assert spec_from_json(json.dumps(values)) == SPEC


_OFFSET, _SIZE, _HEATMAP = (("outputs", i) for i in range(3))
_RULE = ("detection",)
# Where, what is said there, what the error names, whether the schema sees it.
REFUSED = [
    (_RULE, "stride", 0, r"`detection.stride`.*Received: 0", True),
    (_RULE, "stride", 24, r"`detection.stride` must be a divisor", False),
    (_RULE, "stride", 16, r"`shape` of `centres`.*\(1, 4, 4, 3\)", False),
    (_RULE, "threshold", 1.5, r"`detection.threshold`.*: 1.5", True),
    (_RULE, "threshold", "high", r"`detection.threshold`.*'high'", True),
    (_RULE, "top", 0, r"`detection.top`.*Received: 0", True),
    ((), "detection", [], "`detection` must be a JSON object", True),
    ((), "task", "classification", "`outputs`.*for a classification", False),
    (_HEATMAP, "labels", ["cat"], r"`shape` of `centres`.*, 1\)", False),
    (_HEATMAP, "labels", [], "`labels` of `centres`", True),
    (_HEATMAP, "role", "box_size", "`outputs`.*'heatmap'", True),
    (_SIZE, "role", "sizes", "`outputs`.*'box_size'", True),
    (_SIZE, "shape", [1, 8, 8, 4], "`shape` of `sizes`", False),
    (_OFFSET, "shape", [2, 8, 8, 2], "`shape` of `offsets`", False),
    (_OFFSET, "dtype", "float16", "`dtype` of `offsets`", True),
    (_OFFSET, "late", 1, "`late`.*the same for all heads or out", False),
]


@pytest.mark.parametrize(
    ("place", "field", "value", "message", "schema_sees"), REFUSED
)
def test_what_makes_no_sense_is_refused(
    place, field, value, message, schema_sees
):
    values = json.loads(spec_to_json(DETECTOR))
    target = values
    for key in place:
        target = target[key]
    target[field] = value
    with pytest.raises(ArtifactError, match=message):
        spec_from_json(json.dumps(values))
    assert _VALIDATOR.is_valid(values) == (not schema_sees)


@pytest.mark.parametrize("name", ["stride", "threshold", "top"])
def test_a_missing_number_is_named(name):
    values = json.loads(spec_to_json(DETECTOR))
    del values["detection"][name]
    with pytest.raises(ArtifactError, match=f"`detection.{name}` must be pre"):
        spec_from_json(json.dumps(values))
    assert not _VALIDATOR.is_valid(values)


def test_a_detector_without_its_rule_is_refused():
    with pytest.raises(ArtifactError, match="`detection`.*Received: None"):
        dataclasses.replace(DETECTOR, detection=None)
    with pytest.raises(ArtifactError, match="`detection`.*'classification'"):
        dataclasses.replace(SPEC, detection=DETECTOR.detection)
