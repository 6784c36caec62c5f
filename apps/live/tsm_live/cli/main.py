"""`tsm-live`: runs an artifact over cameras, streams and files."""

from collections.abc import Sequence

from tsm_live.cli.console import run_command, run_console


def run() -> None:
    """The console script."""
    run_console(main)


def main(arguments: Sequence[str]) -> int:
    """Runs the command line.

    Returns:
        The exit status: 0 when the sources ended or the user ended the run, 1
        if something failed or cannot be done as asked. (Where the command line
        cannot be read, the process ends with 2.)
    """
    if arguments[:1] == ["benchmark"]:
        from tsm_live.cli import benchmark_command

        return run_command("tsm-live", benchmark_command.main, arguments[1:])
    from tsm_live.cli import live_command

    return run_command("tsm-live", live_command.main, arguments)
