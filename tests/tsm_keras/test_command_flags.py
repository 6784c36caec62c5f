"""Flags that come from dataclasses, and the help that lists them."""

import dataclasses

import pytest
from absl import flags

from tsm_keras.command_flags import (
    define_enum,
    define_fields,
    define_groups,
    expect_values,
    field_texts,
    given_fields,
    grouped_flags,
    parse,
    underscored,
)


@dataclasses.dataclass(frozen=True)
class _Config:
    """Something to be set.

    Attributes:
        rate: A number that is described
            on two lines: `"like this"`.
        steps: Whole numbers.
        flip: Whether to flip.

    Raises:
        ValueError: Never.
    """

    rate: float = 0.5
    steps: tuple[int, ...] = (1, 2)
    flip: bool = True


_NAMES = {"speed": "rate", "steps": "steps", "flip": "flip"}


def _flags(*arguments, **options):
    values = flags.FlagValues()
    define_fields(values, "module", "things", _Config(), _NAMES, **options)
    define_groups(
        values,
        "module",
        {"files": [("to", flags.DEFINE_string, None, "Where to.")]},
    )
    parse(values, "program", arguments)
    return values


def test_the_help_of_a_flag_is_what_the_docstring_says_of_the_field():
    assert field_texts(_Config) == {
        "rate": "A number that is described on two lines: like this.",
        "steps": "Whole numbers.",
        "flip": "Whether to flip.",
    }
    values = _flags()
    assert values["speed"].default == 0.5
    assert values["steps"].default == ["1", "2"]
    without = _flags(origin="from elsewhere, else ")
    assert without["speed"].default is None
    assert without["steps"].help.endswith("(default: from elsewhere, else 1,2)")


def test_an_empty_default_is_named():
    values = flags.FlagValues()
    define_fields(
        values,
        "module",
        "things",
        _Config(steps=()),
        {"steps": "steps"},
        origin="from elsewhere, else ",
    )
    assert values["steps"].help.endswith(
        "(default: from elsewhere, else empty)"
    )


def test_a_choice_has_its_values_only():
    values = flags.FlagValues()
    kind = "kind", define_enum, "a", "A letter.", {"enum_values": ["a", "b"]}
    define_groups(values, "module", {"things": [kind]})
    assert parse(values, "program", []) == [] and values.kind == "a"
    parse(values, "program", ["--kind=b"])
    assert values.kind == "b"
    with pytest.raises(flags.Error, match="kind"):
        parse(values, "program", ["--kind=c"])


def test_what_is_given_is_of_the_type_of_the_field():
    values = _flags("--steps=3,4", "--noflip")
    found = given_fields(values, _Config, _NAMES)
    assert found == {"steps": (3, 4), "flip": False}
    with pytest.raises(ValueError, match="`steps` must be whole.*Received: st"):
        given_fields(_flags("--steps=3,x"), _Config, _NAMES)


def test_flags_stand_under_their_headings():
    values = _flags()
    flags.DEFINE_integer("n", 1, "A number.", flag_values=values)
    values.register_flag_by_module("module", values["n"])
    groups = grouped_flags(values, "module")
    assert {
        group: [x.name for x in found] for group, found in groups.items()
    } == {
        "things": ["speed", "steps", "flip"],
        "files": ["to"],
        "other": ["n"],
    }


def test_hyphens_are_underscores_in_names_alone():
    values = flags.FlagValues()
    flags.DEFINE_string("to_file", None, "A file.", flag_values=values)
    flags.DEFINE_boolean("dry_run", True, "Try it.", flag_values=values)
    given = ["a-b", "--to-file=c-d", "--no-dry-run", "--other-one", "--", "-1"]
    wanted = ["a-b", "--to_file=c-d", "--nodry_run", "--other-one", "--", "-1"]
    assert underscored(values, given) == wanted


def test_a_file_of_flags_is_read(tmp_path):
    path = tmp_path / "flags.txt"
    path.write_text("# Slowly.\n--speed=2\n--no-flip\n")
    values = _flags(f"--flagfile={path}", "--steps=3,4")
    found = given_fields(values, _Config, _NAMES)
    assert found == {"rate": 2.0, "steps": (3, 4), "flip": False}
    with pytest.raises(flags.Error, match="nowhere"):
        _flags(f"--flagfile={tmp_path / 'nowhere'}")
    path.write_bytes(b"--speed=\xff")
    with pytest.raises(flags.Error, match="--flagfile is not UTF-8 text"):
        _flags(f"--flagfile={path}")


def test_a_missing_value_is_named():
    with pytest.raises(flags.Error, match="--to must have a value"):
        expect_values(_flags("--to="), "speed", "to")


def test_a_second_command_line_knows_nothing_of_the_first():
    values = _flags("--steps=3,4", "--speed=2", "--to=x")
    assert parse(values, "program", ["a", "--noflip"]) == ["a"]
    assert values.speed == 0.5 and values.steps == ["1", "2"]
    assert values.to is None
    assert given_fields(values, _Config, _NAMES) == {"flip": False}
