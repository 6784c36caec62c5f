"""The console script `tsm-live`."""

from collections.abc import Sequence

from tsm_live.cli.console import run_command, run_console


def run() -> None:
    """Runs the console script."""
    run_console(main)


def main(arguments: Sequence[str]) -> int:
    """Runs the command line.

    Returns:
        The exit status: 0 if the sources ended or the user ended the run, 1 if
        something failed. A wrong command line ends the process with status 2.
    """
    if arguments[:1] == ["benchmark"]:
        from tsm_live.cli import benchmark_command

        return run_command("tsm-live", benchmark_command.main, arguments[1:])
    from tsm_live.cli import live_command

    return run_command("tsm-live", live_command.main, arguments)
