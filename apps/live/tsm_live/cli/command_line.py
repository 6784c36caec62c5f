"""CommandLine: absl flags under headings, with errors of one line."""

import dataclasses
import difflib
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from absl import flags

from tsm_live.sources.title import source_title

# The kind of flag for a field whose type contains this word.
_KINDS = (
    ("tuple", flags.DEFINE_multi_string),
    ("bool", flags.DEFINE_boolean),
    ("int", flags.DEFINE_integer),
    ("float", flags.DEFINE_float),
    ("str", flags.DEFINE_string),
)

# Name, kind (`flags.DEFINE_string` and so on), default, help and optionally
# further arguments of the kind.
Row = tuple[Any, ...]


class CommandLine:
    """The flags of a command.

    Args:
        program: The name of the command.
        description: What the command does.
        required: Names of the flags that must be given.
    """

    def __init__(
        self, program: str, description: str, *, required: Sequence[str]
    ):
        self.program = program
        self._description = description
        self._required = required
        self._values = flags.FlagValues()
        self._groups: dict[str, list[str]] = {}

    def define(self, heading: str, *rows: Row) -> None:
        """Defines flags, which the help lists under a heading."""
        for name, kind, default, text, *options in rows:
            named = options[0] if options else {}
            kind(
                name=name,
                default=default,
                help=text,
                flag_values=self._values,
                **named,
            )
            self._groups.setdefault(heading, []).append(name)

    def define_fields(
        self,
        heading: str,
        config: Any,
        names: Sequence[str] | None = None,
        *,
        default: str = "{}",
        choices: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Defines a flag for each field of a dataclass.

        The help of a flag is the text about the field in the docstring of the
        class. The flags have no defaults, so that `given` can tell which were
        given. A flag for a tuple may be repeated.

        Args:
            heading: The heading in the help.
            config: An instance of the dataclass, with the default values.
            names: The names of the fields; None for all.
            default: The text with which the help shows a default value; `{}`
                stands for the value.
            choices: The allowed values of a flag, by its name.
        """
        documentation = inspect.getdoc(type(config)) or ""
        for field in dataclasses.fields(config):
            name, value = field.name, getattr(config, field.name)
            if names is not None and name not in names:
                continue
            text = re.search(
                rf"^    {name}: (.*?)(?=^    \w+: |^\S|\Z)",
                documentation,
                re.DOTALL | re.MULTILINE,
            )
            assert text is not None, f"{name} is not documented"
            meaning = " ".join(text[1].split()).replace("`", "")
            if value not in (None, False, ()):
                meaning += f" (default: {default.format(value)})"
            kind = next(k for name, k in _KINDS if name in str(field.type))
            rules = {}
            if choices and name in choices:
                kind, rules = (
                    flags.DEFINE_enum,
                    {"enum_values": choices[name]},
                )
            self.define(heading, (name, kind, None, meaning, rules))

    def parse(self, arguments: Sequence[str]) -> flags.FlagValues:
        """Returns the values of the flags, as attributes.

        If a flag is unknown, missing, empty, given twice or has a wrong value,
        this prints one line and ends the process with status 2. If the help is
        asked for, it prints the help and ends the process with status 0.
        """
        if {"-h", "--help"} & set(arguments):
            print(self.help())
            sys.exit(0)
        values = self._values
        try:
            # The lines of a --flagfile=FILE may have hyphens too.
            arguments = values.read_flags_from_files([*arguments])
            rest = values([self.program, *self._underscored(arguments)])[1:]
        except flags.UnrecognizedFlagError as error:
            self._refuse_unknown(error.flagname, arguments)
        except flags.Error as error:
            self._fail(str(error))
        except UnicodeDecodeError as error:
            self._fail(f"--flagfile is not UTF-8 text: {error}")
        if rest:
            self._fail(f"there is no argument {rest[0]!r}")
        for name in values:
            flag, value = values[name], values[name].value
            if flag.present > 1 and not isinstance(flag, flags.MultiFlag):
                self._fail(
                    f"--{name} may be given once, not {flag.present} times"
                )
            if "" in (value if isinstance(value, list) else [value]):
                self._fail(f"--{name} is empty")
        missing = [name for name in self._required if not values[name].value]
        if missing:
            self._fail(f"these are required: --{', --'.join(missing)}")
        return values

    def help(self) -> str:
        """Returns the text of the help."""
        lines = textwrap.wrap(
            f"{self.program}: {self._description}",
            width=80,
            break_on_hyphens=False,
        )
        for heading, names in self._groups.items():
            lines += ["", f"{heading}:"]
            for name in names:
                flag, default = self._values[name], ""
                # absl adds this to the help of flags that may be repeated.
                text = re.sub(
                    r";\s+repeat this option.*",
                    " May be repeated.",
                    flag.help,
                    flags=re.DOTALL,
                )
                if flag.default not in (None, [], False):
                    default = f" (default: {flag.default})"
                lines += flag_lines(name, text + default)
        return "\n".join(lines)

    def _underscored(self, arguments):
        """Yields the arguments, with hyphens in flag names as underscores."""
        for argument in arguments:
            dashes, name, value = re.fullmatch(
                r"(-{0,2})([\w-]*)(.*)", argument, re.DOTALL
            ).groups()
            name = name.replace("-", "_")
            known = name in self._values and value[:1] in ("", "=")
            yield f"{dashes}{name}{value}" if dashes and known else argument

    def _refuse_unknown(self, name, arguments):
        given = next(
            (
                flag
                for flag in (each.partition("=")[0] for each in arguments)
                if flag.startswith("-") and flag.lstrip("-") == name
            ),
            f"--{name}",
        )
        close = difflib.get_close_matches(name, list(self._values), 1)
        hint = f"; did you mean --{close[0]}?" if close else ""
        self._fail(f"there is no flag {given}{hint}")

    def _fail(self, message) -> NoReturn:
        # An address that stands in the wrong place may hold a password.
        message = re.sub(
            r"[\w+.-]+:/\S*", lambda match: source_title(match[0]), message
        )
        print(
            f"{self.program}: error: {message} (see {self.program} -h)",
            file=sys.stderr,
        )
        sys.exit(2)


def flag_lines(name: str, text: str) -> list[str]:
    """Returns the lines of the help on a flag."""
    return textwrap.wrap(
        f"--{name}: {text}",
        width=80,
        initial_indent="  ",
        subsequent_indent="      ",
        break_on_hyphens=False,
        break_long_words=False,
    )


@dataclasses.dataclass(frozen=True)
class RuntimeOptions:
    """The options that say where a network runs.

    Attributes:
        accelerator: gpu runs the whole network on the GPU or fails; auto runs
            it on the GPU if the GPU can run all of it, else on the CPU.
        threads: The number of threads on the CPU.
        isolated: Run the network in a child process. A malicious model or a
            GPU driver that crashes or hangs then causes an error only.
    """

    accelerator: str = "cpu"
    threads: int = 1
    isolated: bool = False


def add_runtime(command: CommandLine) -> None:
    """Adds the flags for the artifact and for `RuntimeOptions`."""
    model = "model", flags.DEFINE_string, None, "The .tflite or .onnx artifact."
    command.define("network", model)
    command.define_fields(
        "network",
        RuntimeOptions(),
        choices={"accelerator": ("cpu", "gpu", "auto")},
    )


def given(options: flags.FlagValues, config: type) -> dict[str, Any]:
    """Returns the fields of a dataclass whose flags were given, by name."""
    return {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(config)
        if getattr(options, field.name, None) is not None
    }
