"""expect_values: refuses a command line that lacks what a command needs."""

from absl import flags


def expect_values(flag_values: flags.FlagValues, *names: str) -> None:
    """Checks that flags were given, and not as empty text.

    absl's `mark_flags_as_required` does that too, in words about `None`.

    Raises:
        flags.Error: If one was not; names the first.
    """
    for name in names:
        if not flag_values[name].value:
            raise flags.Error(f"flag --{name} must have a value")
