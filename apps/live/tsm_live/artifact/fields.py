"""Checks of single fields of a spec, which may come from an untrusted file."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

_MAX_COUNT = (1 << 31) - 1  # Runtimes count elements with 32 bits.
_SHOWN = 200  # An error message repeats this many characters of a value.


class ArtifactError(ValueError):
    """The file is not an artifact, is damaged or cannot be run here."""


def expect(holds: Any, field: str, expected: str, value: Any) -> None:
    """Refuses a field of a spec that is not as expected.

    Raises:
        ArtifactError: If `holds` is false.
    """
    if not holds:
        try:
            shown = repr(value)
        except (ValueError, RecursionError):  # Thousands of digits or levels.
            shown = f"a value of type {type(value).__name__}"
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}..."
        raise ArtifactError(
            f"The embedded spec is not valid: `{field}` must be {expected}. "
            f"Received: {shown}"
        )


def as_object(field: str, value: Any) -> dict[str, Any]:
    """Returns `value`, which must be a JSON object."""
    expect(isinstance(value, dict), field, "a JSON object", value)
    return value


def as_list(field: str, value: Any) -> list[Any]:
    """Returns `value`, which must be a JSON array."""
    expect(isinstance(value, list), field, "a JSON array", value)
    return value


def known_fields(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the entries of `values` that are fields of a dataclass.

    Raises:
        ArtifactError: If a field without a default is missing.
    """
    fields = dataclasses.fields(kind)
    for field in fields:
        optional = (field.default, field.default_factory)
        if optional == (dataclasses.MISSING, dataclasses.MISSING):
            expect(field.name in values, field.name, "present", None)
    names = {field.name for field in fields}
    return {name: value for name, value in values.items() if name in names}


def is_text(value: Any) -> bool:
    """Returns whether `value` is a string that UTF-8 can encode."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:  # Half a surrogate pair.
        return False


def is_label(value: Any) -> bool:
    """Returns whether `value` is a string of one line that is not empty."""
    return is_text(value) and value.splitlines() == [value]


def is_number(value: Any) -> bool:
    """Returns whether `value` is a finite number; booleans are not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # An integer beyond all floats.
        return False


def is_integer(value: Any, low: int = 1, high: int = _MAX_COUNT) -> bool:
    """Returns whether `value` is an integer in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return low <= value <= high
