"""What docs/artifact.md shows is a spec, and complete."""

import json
import re

import jsonschema
import pytest

from testing.artifacts import random_artifact
from testing.checkout import ROOT
from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec_json import spec_from_json, spec_to_json
from tsm_live.decision.artifact_defaults import decision_configs
from tsm_live.decision.gestures import DecisionConfig

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

DOCUMENT = (ROOT / "docs/artifact.md").read_text("utf-8")
SCHEMA = json.loads((ROOT / "docs/artifact.schema.json").read_text("utf-8"))


def _examples():
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    return [json.loads(block) for block in blocks]


def _example():
    return _examples()[0]


def test_the_example_is_what_the_reader_reads_and_the_writer_writes():
    spec = spec_from_json(json.dumps(_example()))
    assert json.loads(spec_to_json(spec)) == _example()
    jsonschema.Draft202012Validator(SCHEMA).validate(_example())


def test_the_outputs_with_two_heads_fit_the_example():
    example, outputs, _ = _examples()
    example["outputs"] = outputs
    spec = spec_from_json(json.dumps(example))
    assert json.loads(spec_to_json(spec)) == example
    jsonschema.Draft202012Validator(SCHEMA).validate(example)
    assert [head.name for head in spec.heads] == ["verb", "noun"]
    assert [head.no_gesture for head in spec.heads] == [("none",), ()]


def test_the_detector_fits_the_example():
    example, _, detector = _examples()
    example |= detector
    spec = spec_from_json(json.dumps(example))
    assert json.loads(spec_to_json(spec)) == example
    jsonschema.Draft202012Validator(SCHEMA).validate(example)
    assert spec.labels == ("disc_left", "disc_right")
    assert (spec.detection.stride, spec.heads) == (8, ())


def test_the_example_has_every_key_that_the_export_writes():
    written = spec_to_json(read_spec(random_artifact(quantize="int8")))
    assert _keys(json.loads(written)) == _keys(_example())


def test_every_key_is_explained():
    assert {
        key for key in _keys(_examples()) if f"`{key}`" not in DOCUMENT
    } == set()


def test_the_numbers_of_the_decision_are_those_of_the_runtime():
    example = spec_from_json(json.dumps(_example()))
    assert decision_configs(example) == {
        "logits": DecisionConfig(no_gesture=("none",))
    }


def _keys(value):
    """Returns the keys of all objects, but the names of tools."""
    if isinstance(value, list):
        return set().union(*map(_keys, value))
    if not isinstance(value, dict):
        return set()
    inner = (_keys(v) for k, v in value.items() if k != "versions")
    return set(value).union(*inner)
