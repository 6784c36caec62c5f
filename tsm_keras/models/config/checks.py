"""Checks that the parts of a config share."""

import math
from typing import Any

LARGEST = 2**31 - 1  # Dimensions of tensors in TFLite are 32 bits wide.


def expect(field: str, value: Any, holds: bool, expected: str) -> None:
    """Raises a ValueError that names a field, unless `holds`."""
    if not holds:
        raise ValueError(
            f"`{field}` must be {expected}. Received: {field}={value!r}"
        )


def expect_choice(field: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raises a ValueError if a value is not one of the choices."""
    expect(field, value, value in choices, f"one of {choices}")


def expect_integer(field: str, value: Any, least: int) -> None:
    """Raises a ValueError if a value is not an integer, or is out of range."""
    expect(
        field,
        value,
        is_integer(value) and least <= value <= LARGEST,
        f"an integer of at least {least} and at most {LARGEST}",
    )


def is_integer(value: Any) -> bool:
    """Returns whether a value is an integer; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Returns whether a value is a finite number; True and False are not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return number and math.isfinite(value)
    except OverflowError:  # The integer is too large for a float.
        return False


def is_label(value: Any) -> bool:
    """Returns whether a value is the name of a class: text on one line."""
    return isinstance(value, str) and value.splitlines() == [value]


def as_tuple(value: Any) -> Any:
    """Returns a list as a tuple, because JSON has no tuples."""
    return tuple(value) if isinstance(value, list) else value
