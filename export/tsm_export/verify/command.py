"""Checks an artifact on this machine: `tsm verify FILE [PRESET]`.

PRESET is the preset that the artifact was exported from; with it, the outputs
are compared too. The command prints a table and fails if a row fails.
"""

from collections.abc import Iterable, Sequence

from absl import flags

from tsm_export.verify.checks import Check, verify_artifact

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "Prepared data set, or folder of class folders with videos, to check the "
    "artifact on (default: generated videos).",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "split",
    None,
    "Split of the data set. (default: test, or val if there is no test)",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "clips", 20, "Number of clips.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_integer(
    "soak_frames",
    2000,
    "Number of frames to stream without a break.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "seed", 0, "Seed of the random choice of clips.", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> None:
    """Prints the table.

    Raises:
        flags.Error: If there are not one or two arguments.
        ValueError, OSError: If a file cannot be read, or a row fails.
    """
    if len(arguments) not in (1, 2):
        raise flags.Error(
            "expected an artifact and optionally its preset: tsm verify FILE "
            "[PRESET]"
        )
    checks = verify_artifact(
        *arguments,
        data=FLAGS.data or None,
        split=FLAGS.split,
        clips=FLAGS.clips,
        soak_frames=FLAGS.soak_frames,
        seed=FLAGS.seed,
    )
    print(f"{arguments[0]}, on clips of {FLAGS.data or 'generated videos'}")
    print_checks(checks)


class TrialError(ValueError):
    """An artifact failed the checks with these `names`."""

    def __init__(self, names: Sequence[str]):
        super().__init__(f"the artifact fails: {', '.join(names)}")
        self.names = tuple(names)


def print_checks(checks: Iterable[Check]) -> None:
    """Prints one row per check, as soon as it is done.

    Raises:
        TrialError: If a check failed.
    """
    failed = []
    for check in checks:
        verdict = {True: "pass", False: "FAIL", None: "not run"}[check.passed]
        print(f"  {verdict:8}{check.name:31} {check.detail}", flush=True)
        if check.passed is False:
            failed.append(check.name)
    if failed:
        raise TrialError(failed)
