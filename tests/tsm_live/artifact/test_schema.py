"""docs/artifact.schema.json: what a spec of format 3 looks like."""

import copy
import json

import hypothesis
import jsonschema
import pytest

from testing.artifacts import random_artifact, random_onnx
from testing.checkout import ROOT
from testing.specs import SPEC, specs
from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec_json import spec_to_json

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

_SCHEMA = json.loads((ROOT / "docs/artifact.schema.json").read_text("utf-8"))
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(_SCHEMA)


@hypothesis.given(specs())
def test_every_spec_is_valid(spec):
    _VALIDATOR.validate(json.loads(spec_to_json(spec)))


@pytest.mark.parametrize(
    "artifact",
    [
        pytest.param(random_artifact, id="stream"),
        pytest.param(lambda: random_artifact(kind="clip"), id="clip"),
        pytest.param(lambda: random_artifact(quantize="int8"), id="int8"),
        pytest.param(
            lambda: random_artifact(
                quantize="int8", streams=2, input_dtype="uint8", softmax=True
            ),
            id="two streams of bytes to probabilities",
        ),
        pytest.param(random_onnx, id="onnx"),
        pytest.param(lambda: random_onnx(quantize="float16"), id="float16"),
    ],
)
def test_what_the_export_writes_is_valid(artifact):
    values = json.loads(spec_to_json(read_spec(artifact())))
    _VALIDATOR.validate(values)
    assert len(values["model_hash"]) == 64
    assert set(values["decision"]) == {
        "average",
        "start_score",
        "end_score",
        "min_duration",
        "cooldown",
    }


_VALID = json.loads(spec_to_json(SPEC))


@pytest.mark.parametrize(
    ("place", "field", "value"),
    [
        ((), "format", 4),
        ((), "kind", "frames"),
        ((), "frame_interval", -1),
        ((), "decision", {"start_score": 2}),
        ((), "preset_hash", "none"),
        (("image",), "color", "BGR"),
        (("image",), "resize_size", 0),
        (("inputs", 0), "dtype", "float16"),
        (("inputs", 0), "role", "flow"),
        (("inputs", 0), "zero_point", 128),
        (("inputs", 0), "scale", 0),
        (("inputs", 1), "frames", -1),
        (("outputs", 0), "dtype", "float16"),
        (("outputs", 0), "labels", ["push", "push"]),
        (("outputs", 0), "labels", []),
        (("outputs", 0), "shape", [0, 2]),
    ],
)
def test_what_is_wrong_is_not_valid(place, field, value):
    values = copy.deepcopy(_VALID)
    target = values
    for key in place:
        target = target[key]
    target[field] = value
    assert not _VALIDATOR.is_valid(values)


@pytest.mark.parametrize("field", _SCHEMA["required"])
def test_what_is_missing_is_not_valid(field):
    assert not _VALIDATOR.is_valid(
        {name: value for name, value in _VALID.items() if name != field}
    )


def test_unknown_keys_are_valid():
    values = copy.deepcopy(_VALID) | {"new": 1}
    values["inputs"][0]["new"] = values["image"]["new"] = {}
    _VALIDATOR.validate(values)
