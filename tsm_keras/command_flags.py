"""Flags of commands: made from dataclasses, grouped for the help, required."""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

_KINDS = {
    bool: flags.DEFINE_boolean,
    float: flags.DEFINE_float,
    int: flags.DEFINE_integer,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,
}


def define_fields(
    flag_values: flags.FlagValues,
    module_name: str,
    group: str,
    config: Any,
    names: Mapping[str, str],
    *,
    origin: str | Mapping[str, str] | None = None,
) -> None:
    """Defines a flag for each of some fields of a dataclass.

    The help of a flag is what the class's docstring says of the field.

    Args:
        flag_values: Where the flags are defined.
        module_name: The command's module, under which its help lists them.
        group: The heading of these flags in the help.
        config: An instance of the dataclass; its values give the flags' types
            and defaults.
        names: The field of each flag, by the flag's name.
        origin: Says, for all flags or by flag, where the value comes from if
            the flag is not given. The flags then have no default of their own,
            so that a command can tell which were given.
    """
    texts = field_texts(type(config))
    for name, field in names.items():
        value = getattr(config, field)
        text, default = texts[field], value
        if isinstance(value, tuple):
            default = [str(item) for item in value]
        if origin is not None:
            source = origin if isinstance(origin, str) else origin[name]
            shown = ",".join(default) if isinstance(value, tuple) else value
            text, default = f"{text} (default: {source}{shown})", None
        _KINDS[type(value)](name, default, text, flag_values=flag_values)
    _group(flag_values, module_name, group, names)


def define_groups(
    flag_values: flags.FlagValues,
    module_name: str,
    groups: Mapping[str, Sequence[tuple[Any, ...]]],
) -> None:
    """Defines the flags of a table.

    Args:
        flag_values: Where the flags are defined.
        module_name: The command's module.
        groups: The rows under each heading of the help: a flag's name, its
            kind (`flags.DEFINE_string` and so on), default, help and, where it
            has bounds, a dictionary of them.
    """
    for group, rows in groups.items():
        for name, kind, default, text, *bounds in rows:
            options = bounds[0] if bounds else {}
            kind(name, default, text, flag_values=flag_values, **options)
        names = [name for name, *_ in rows]
        _group(flag_values, module_name, group, names)


def given_fields(
    flag_values: flags.FlagValues, config: type, names: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the fields whose flags stand on the command line.

    Args:
        flag_values: As for `define_fields`.
        config: The dataclass.
        names: As for `define_fields`.

    Raises:
        ValueError: If one item of a list is not a number.
    """
    found = {}
    for name, field in names.items():
        if not flag_values[name].present:
            continue
        value = flag_values[name].value
        if isinstance(value, list):
            number = int if "int" in str(_types(config)[field]) else float
            try:
                value = tuple(number(item) for item in value)
            except ValueError:
                kind = "whole numbers" if number is int else "numbers"
                raise ValueError(
                    f"`{field}` must be {kind} with commas between them. "
                    f"Received: {field}={','.join(value)!r}"
                ) from None
        found[field] = value
    return found


def field_texts(config: type) -> dict[str, str]:
    """Returns what a dataclass's docstring says of each field, on one line."""
    docstring = inspect.getdoc(config) or ""
    section = re.search(
        r"^Attributes:\n(.*?)(?=^\S|\Z)", docstring, re.DOTALL | re.MULTILINE
    )
    rows = re.findall(
        r"^    (\w+): (.*?)(?=^    \w+: |\Z)",
        section[1] if section else "",
        re.DOTALL | re.MULTILINE,
    )
    return {
        name: " ".join(text.split()).replace("`", "").replace('"', "")
        for name, text in rows
    }


def grouped_flags(
    flag_values: flags.FlagValues, module_name: str
) -> dict[str, list[flags.Flag]]:
    """Returns the flags of a command under the headings of its help.

    Those without a heading come last, under `"other"`.
    """
    by_module = flag_values.flags_by_module_dict()
    prefix = f"{module_name}: "
    groups = {
        name.removeprefix(prefix): found
        for name, found in by_module.items()
        if name.startswith(prefix)
    }
    headed = {flag.name for found in groups.values() for flag in found}
    other = [
        flag
        for flag in by_module.get(module_name, [])
        if flag.name not in headed
    ]
    return {**groups, "other": other} if other else groups


def expect_values(flag_values: flags.FlagValues, *names: str) -> None:
    """Checks that flags were given, and that none of them is empty text.

    absl's `mark_flags_as_required` does that too, in words about `None`.

    Raises:
        flags.Error: If one was not given; names the first.
    """
    for name in names:
        if not flag_values[name].value:
            raise flags.Error(f"flag --{name} must have a value")


def underscored(
    flag_values: flags.FlagValues, arguments: Sequence[str]
) -> list[str]:
    """Returns a command line in which hyphens in names are underscores.

    `--batch-size=4` is `--batch_size=4`, and `--no-flip` is `--noflip`. What
    names no flag is left as it is, for absl to refuse.
    """
    names = []
    for argument in arguments:
        match = re.fullmatch(r"(--?)([\w-]+)(=.*)?", argument, re.DOTALL)
        if match:
            name = match[2].replace("-", "_")
            if name not in flag_values and name.startswith("no_"):
                name = f"no{name[len('no_') :]}"
            if name in flag_values or name.removeprefix("no") in flag_values:
                argument = f"{match[1]}{name}{match[3] or ''}"
        names.append(argument)
    return names


def _group(flag_values, module_name, group, names):
    """Lists flags under a heading of a command's help."""
    for name in names:
        flag_values.register_flag_by_module(
            f"{module_name}: {group}", flag_values[name]
        )


def _types(config: type) -> dict[str, Any]:
    return {field.name: field.type for field in dataclasses.fields(config)}
