"""network_parts: the parts of a network's config, by their flat names."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.backbone import BackboneConfig
from tsm_keras.models.config.checks import expect, expect_choice
from tsm_keras.models.config.frames import ClipConfig, InputConfig
from tsm_keras.models.config.temporal import SHIFTS, TemporalConfig

PARTS: dict[str, Any] = {
    "input": InputConfig,
    "clip": ClipConfig,
    "backbone": BackboneConfig,
    "temporal": TemporalConfig,
}


def flat_name(config: type, field: str) -> str:
    """Returns the flat name of a field of a part."""
    (found,) = (it for it in dataclasses.fields(config) if it.name == field)
    return found.metadata.get("flat_name", field)


# The flat name of each field of a part, with the part and the field.
FLAT: dict[str, tuple[str, str]] = {
    flat_name(config, field.name): (part, field.name)
    for part, config in PARTS.items()
    for field in dataclasses.fields(config)
}


def network_parts(
    fields: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Returns the parts that all networks have.

    Args:
        fields: Parts, and fields of parts by their flat names. Also `shift`, a
            short form of `operator` and `causal`. Other names are ignored.
        before: The parts that the fields change; by default those of a config
            without any fields.

    Raises:
        ValueError: If a field is invalid. The message names the field, what
            was expected and what was received.
    """
    if "shift" in fields:
        expect_choice("shift", fields["shift"], tuple(SHIFTS))
        operator, causal = SHIFTS[fields["shift"]]
        fields = {"operator": operator, "causal": causal, **fields}
    fields = _with_operator(fields, before)
    parts = {
        name: _part(name, config, fields, (before or {}).get(name))
        for name, config in PARTS.items()
    }
    record = BACKBONES[parts["backbone"].name]
    expect(
        "stages",
        parts["temporal"].stages,
        {*parts["temporal"].stages} <= {*record.stages_with_marks},
        (
            f"some of {record.stages_with_marks}"
            if record.stages_with_marks
            else "empty"
        )
        + f" for backbone={record.name!r}",
    )
    causal = parts["temporal"].causal_stages
    mixed = parts["temporal"].stages or record.stages_with_marks
    expect(
        "causal_stages",
        causal,
        not causal or {*causal} < {*mixed},
        f"some of the stages {mixed}, but not all of them (use causal=True)",
    )
    takes_non_local = [
        repr(backbone.name)
        for backbone in BACKBONES.values()
        if backbone.block_marks
    ]
    non_local = parts["temporal"].non_local
    expect(
        "non_local",
        non_local,
        not non_local or bool(record.block_marks),
        f"False, or True for backbone={' or '.join(takes_non_local)}",
    )
    operator = parts["temporal"].operator
    expect(
        "operator",
        operator,
        (operator == "conv3d") == BACKBONES[parts["backbone"].name].mixes_time,
        "'conv3d' for X3D and another one for other backbones",
    )
    return parts


def _with_operator(fields, before):
    """Adds the only operator of a backbone that mixes frames itself."""
    backbone = BACKBONES.get(str(fields.get("backbone")))
    if before or not backbone or {"operator", "temporal"} & {*fields}:
        return fields
    return {**fields, "operator": "conv3d"} if backbone.mixes_time else fields


def _part(name, config, fields, before):
    if isinstance(fields.get(name), config):
        before = fields[name]
    elif name in fields and name not in FLAT:
        expect(name, fields[name], False, f"of the class {config.__name__}")
    changes = {
        field: fields[flat_name]
        for flat_name, (part, field) in FLAT.items()
        if part == name
        and flat_name in fields
        and not isinstance(fields[flat_name], config)
    }
    if before is None:
        return config(**changes)
    return dataclasses.replace(before, **changes)
