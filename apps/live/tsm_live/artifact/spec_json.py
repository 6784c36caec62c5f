"""Reads and writes the spec as JSON text, format 3.

Unknown keys are ignored, because later versions may add some. Unknown values
of the image and sampling rules are refused, because the network would get
images that differ from those of its training.
"""

import dataclasses
import json
from typing import Any

from tsm_live.artifact.detection import DetectionRule
from tsm_live.artifact.fields import (
    ArtifactError,
    as_list,
    as_object,
    expect,
    known_fields,
)
from tsm_live.artifact.format_2 import upgrade
from tsm_live.artifact.spec import SCORES, SECONDS, ArtifactSpec
from tsm_live.artifact.tensors import TensorSpec

FORMAT = 3

# Each of these rules has only one possible value so far.
_IMAGE_RULES = {
    "color": "RGB",
    "range": [0, 255],
    "orientation": "upright",
    "resize": "short_side",
    "shrink": "area",
    "enlarge": "bilinear",
    "crop": "center",
}
_RULES = {"sampling": "segments"}


def spec_to_json(spec: ArtifactSpec) -> str:
    """Returns the text that an artifact carries; see `docs/artifact.md`."""
    image = {
        "layout": spec.layout,
        "resize_size": spec.resize_size,
        "crop_size": spec.image_size,
    }
    fields = {
        "format": FORMAT,
        "task": spec.task,
        "kind": spec.kind,
        "inputs": [tensor.to_dict() for tensor in spec.inputs],
        "outputs": [tensor.to_dict() for tensor in spec.outputs],
        "image": image | _IMAGE_RULES,
        "frame_interval": spec.frame_interval,
        "num_segments": spec.num_segments,
        **_RULES,
        "decision": spec.decision,
        **_detection_to_json(spec),
        "quantization": spec.quantization,
        "preset_hash": spec.preset_hash,
        "model_hash": spec.model_hash,
        "versions": spec.versions,
    }
    return json.dumps(fields, indent=2, allow_nan=False)


def spec_from_json(text: str) -> ArtifactSpec:
    """Returns the spec of a JSON text in format 3 or 2.

    Raises:
        ArtifactError: If `text` is not such a spec.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"The spec is not JSON text: {error}") from error
    values = _in_format_3(as_object("spec", values))
    image = as_object("image", values.get("image"))
    _check_rules("image.", _IMAGE_RULES, image)
    _check_rules("", _RULES, values)
    fields = {name: image.get(name) for name in ("layout", "resize_size")}
    for name in ("inputs", "outputs"):
        tensors = as_list(name, values.get(name))
        fields[name] = tuple(map(TensorSpec.from_dict, tensors))
    given = as_object("decision", values.get("decision", {}))
    fields["decision"] = {
        name: value
        for name, value in given.items()
        if name in (*SECONDS, *SCORES)
    }
    fields["detection"] = None
    if values.get("task") == "detection":
        fields["detection"] = DetectionRule.from_dict(values.get("detection"))
    spec = ArtifactSpec(**known_fields(ArtifactSpec, values | fields))
    expect(
        image.get("crop_size") == spec.image_size,
        "image.crop_size",
        f"{spec.image_size}, as the image input's shape says",
        image.get("crop_size"),
    )
    return spec


def _detection_to_json(spec):
    if spec.detection is None:
        return {}
    return {"detection": dataclasses.asdict(spec.detection)}


def _in_format_3(values: dict[str, Any]) -> dict[str, Any]:
    found = values.get("format")
    if found == 2:
        return upgrade(values)
    expected = f"2 or {FORMAT}"
    if isinstance(found, int) and found > FORMAT:
        expected += (
            " for this version of tsm-live, and the file was written by a "
            "newer version: upgrade tsm-live"
        )
    expect(found == FORMAT, "format", expected, found)
    return values


def _check_rules(prefix: str, rules: dict, values: dict[str, Any]) -> None:
    for name, value in rules.items():
        found = values.get(name)
        expect(found == value, prefix + name, f"{value!r}", found)
