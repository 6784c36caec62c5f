"""Defines flags of commands from tables and dataclasses, and checks them."""

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
    """Defines flags for fields of a dataclass.

    The help of a flag is the text on the field in the docstring of the class.

    Args:
        flag_values: The flag values that receive the flags.
        module_name: The module of the command, which `--help` lists.
        group: The heading of these flags in the help.
        config: An instance of the dataclass; its values give the types and the
            defaults of the flags.
        names: Names of flags, each with the field that it sets.
        origin: Text, for all flags or by flag, that says where the value comes
            from if the flag is not given. The flags then have the default
            None, so that a command can tell which were given.
    """
    texts = field_texts(type(config))
    for name, field in names.items():
        value = getattr(config, field)
        text, default = texts[field], value
        if isinstance(value, tuple):
            default = [str(item) for item in value]
        if origin is not None:
            source = origin if isinstance(origin, str) else origin[name]
            shown = value
            if isinstance(value, tuple):
                shown = ",".join(default) or "empty"
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
        flag_values: The flag values that receive the flags.
        module_name: The module of the command, which `--help` lists.
        groups: The flags under each heading of the help. Each has a name, a
            kind (`flags.DEFINE_string` and so on, or `define_enum`), a default,
            a help text and, optionally, further arguments of the kind, such as
            `{"lower_bound": 1}`.
    """
    for group, rows in groups.items():
        for name, kind, default, text, *options in rows:
            named = options[0] if options else {}
            kind(name, default, text, flag_values=flag_values, **named)
        names = [name for name, *_ in rows]
        _group(flag_values, module_name, group, names)


def define_enum(
    name: str,
    default: str | None,
    text: str,
    *,
    flag_values: flags.FlagValues,
    enum_values: Sequence[str],
) -> None:
    """Defines a flag with a choice of values; a kind for `define_groups`.

    Args:
        name: The name of the flag.
        default: One of the values, or None.
        text: The help.
        flag_values: The flag values that receive the flag.
        enum_values: The values to choose from.
    """
    flags.DEFINE_enum(name, default, enum_values, text, flag_values=flag_values)


def given_fields(
    flag_values: flags.FlagValues, config: type, names: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the values of the fields whose flags are on the command line.

    Args:
        flag_values: The parsed flags.
        config: The dataclass.
        names: As in `define_fields`.

    Raises:
        ValueError: If an item of a list is not a number.
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
                    f"`{field}` must be {kind} separated by commas. "
                    f"Received: {field}={','.join(value)!r}"
                ) from None
        found[field] = value
    return found


def field_texts(config: type) -> dict[str, str]:
    """Returns the text on each field in the docstring of a dataclass."""
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

    Flags without a heading come last, under `"other"`.

    Args:
        flag_values: The flags of the command.
        module_name: The module of the command.
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
    """Checks that flags were given and are not empty.

    `mark_flags_as_required` of absl checks the same, but its message speaks of
    `None` instead of the command line.

    Raises:
        flags.Error: If a flag was not given; it names the first one.
    """
    for name in names:
        if not flag_values[name].value:
            raise flags.Error(f"flag --{name} must have a value")


def parse(
    flag_values: flags.FlagValues, program: str, arguments: Sequence[str]
) -> list[str]:
    """Sets the flags to what the command line says.

    Flags that are not on the command line get their defaults back, so that a
    command which runs twice in one process starts afresh each time.

    Args:
        flag_values: The flags of the command.
        program: The name of the command in messages.
        arguments: The command line without the name of the command.
            `--flagfile=FILE` stands for the lines of a file.

    Returns:
        The arguments that are not flags.

    Raises:
        flags.Error: If a flag is unknown or its value is not valid.
    """
    for name in flag_values:
        flag_values[name].unparse()
    # The lines of a --flagfile=FILE may have hyphens too.
    try:
        arguments = flag_values.read_flags_from_files([*arguments])
    except UnicodeDecodeError as error:
        raise flags.Error(f"--flagfile is not UTF-8 text: {error}") from error
    return flag_values([program, *underscored(flag_values, arguments)])[1:]


def underscored(
    flag_values: flags.FlagValues, arguments: Sequence[str]
) -> list[str]:
    """Replaces hyphens in names of flags by underscores.

    `--batch-size=4` becomes `--batch_size=4`, and `--no-flip` becomes
    `--noflip`. Unknown flags stay as they are, and absl will refuse them.

    Args:
        flag_values: The known flags.
        arguments: The command line.
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
    """Puts flags under a heading of a command's help."""
    for name in names:
        flag_values.register_flag_by_module(
            f"{module_name}: {group}", flag_values[name]
        )


def _types(config: type) -> dict[str, Any]:
    return {field.name: field.type for field in dataclasses.fields(config)}
