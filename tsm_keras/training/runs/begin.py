"""find_run, begin_run: find and begin the run folder of `tsm train`.

The command checks all other settings between the two, so only `begin_run`
writes to the folder.
"""

import dataclasses
import os
import shlex
import sys
from typing import Any

from absl import flags
from tensorflow import keras

from tsm_keras.command_flags import expect_values
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.models.presets import CONFIG_FILE, save_preset
from tsm_keras.training.distribute import worker_index
from tsm_keras.training.flags import is_given
from tsm_keras.training.recipes import Recipe
from tsm_keras.training.runs.run_folder import RunFolder
from tsm_keras.training.start_weights import StartReport

# These flags are no settings of the run. It must not name programs, because its
# folder may come from somebody else: callbacks are named with each command.
_NOT_OF_THE_RUN = ("resume", "overwrite", "run", "callbacks")


@dataclasses.dataclass(frozen=True)
class FoundRun:
    """A run folder to train in.

    Attributes:
        folder: The run folder.
        goes_on: Whether it has an unfinished run with the same settings, which
            will be continued.
        replaces: Whether it has another run, which `begin_run` removes.
    """

    folder: RunFolder
    goes_on: bool
    replaces: bool


def find_run(flag_values: flags.FlagValues) -> FoundRun:
    """Returns the run that the flags name, and locks it if it exists.

    Args:
        flag_values: The flags of the command line. With `--resume` they are
            replaced by the flags of the run.

    Raises:
        flags.Error: If a required flag is missing, or a flag must not be
            given together with `--resume`.
        ValueError, OSError: If the run or the preset must not be written.
    """
    if flag_values.resume:
        if others := serialized(flag_values):
            raise flags.Error(
                "--resume takes all settings from the run. Leave out "
                f"{' '.join(others)}"
            )
        run = RunFolder(flag_values.resume)
        callbacks = flag_values.callbacks
        flag_values(["tsm train", *run.read()["flags"]])
        flag_values["callbacks"].value = callbacks
        if not callbacks and (left := run.read().get("callbacks")):
            print(
                f"the run was begun with --callbacks={left}, which is left out "
                "now: --resume imports only callbacks that are named again"
            )
    expect_values(flag_values, "data", "to")
    target = local_folder(flag_values.to)
    if flag_values.resume:
        _check_unfinished(run, target)
    else:
        run = RunFolder(flag_values.run or f"{target.parent / target.name}.run")
    before = run.read() if run.exists else None
    differ = (
        sorted({*before["flags"]} ^ {*serialized(flag_values)})
        if before
        else []
    )
    goes_on = before is not None and not (before.get("finished") or differ)
    if not flag_values.overwrite and not (goes_on and run.may_replace(target)):
        _check_free(target, run, before, differ)
    if target.exists() and not (target / CONFIG_FILE).is_file():
        raise FileExistsError(
            f"{target} exists and is not a preset. Choose another folder."
        )
    if before:
        run.lock(_lock_name(flag_values))
    elif run.path.exists() and any(
        not path.name.startswith("lock") for path in run.path.iterdir()
    ):
        raise FileExistsError(
            f"{run.path} exists and is not the folder of a run. Choose another "
            "one with --run."
        )
    return FoundRun(run, goes_on, before is not None and not goes_on)


def begin_run(
    found: FoundRun,
    flag_values: flags.FlagValues,
    recipe: Recipe,
    model: keras.Model,
    report: StartReport | None,
    provenance: dict[str, Any],
) -> None:
    """Locks the run folder and writes the description and the start of the run.

    Args:
        found: The result of `find_run`. A run that is to be replaced is
            removed here.
        flag_values: As in `find_run`.
        recipe: The recipe of the run.
        model: The clip model with the weights that training starts from.
        report: The origin of these weights; None if there is nothing to print.
        provenance: The provenance that the presets of the run will have.

    Raises:
        OSError: If another process has begun the run in the meantime.
    """
    run = found.folder
    run.lock(_lock_name(flag_values))
    if report:
        print(report.to_text())
    if _worker(flag_values):
        return
    if found.replaces:
        run.remove()
    elif run.exists and not found.goes_on:
        raise FileExistsError(
            f"Another process has begun the run {run.path}. Run the same "
            "command again to continue it."
        )
    if not run.exists:
        run.describe(
            command=shlex.join(["tsm", *sys.argv[1:]]),
            flags=serialized(flag_values),
            folder=os.getcwd(),
            overwrite=flag_values.overwrite,
            callbacks=",".join(flag_values.callbacks or ()),
            seed=recipe.training.seed,
            recipe={"name": flag_values.recipe, **recipe.to_dict()},
            network=model.video_config.to_dict(),
            start=report.to_text().splitlines() if report else [],
            data=provenance["data"],
            data_sha256=provenance["data_sha256"],
            teacher_sha256=provenance.get("teacher_sha256", ""),
        )
    elif flag_values.overwrite:
        run.note(overwrite=True)
    if not run.start.exists():
        save_preset(model, run.start)


def serialized(flag_values: flags.FlagValues) -> list[str]:
    """Returns the given flags, with absolute paths, for `run.json`."""
    return sorted(
        f"--{name}={os.path.abspath(flag_values[name].value)}"
        if _is_path(name, flag_values[name].value)
        else flag_values[name].serialize()
        for name in flag_values
        if is_given(flag_values, name) and name not in _NOT_OF_THE_RUN
    )


def _is_path(name, value):
    # The preset of --to does not exist yet; --init may be the word scratch.
    return bool(value) and (
        name == "to"
        or (name in ("data", "init", "teacher") and os.path.exists(value))
    )


def _check_unfinished(run, target):
    """Refuses to resume a finished run; --overwrite would start it over."""
    if not run.read().get("finished"):
        return
    place = (
        f"is {target}"
        if target.exists()
        else f"was {target}, which is gone (copies: {run.path / 'presets'})"
    )
    raise FileExistsError(
        f"The run {run.path} is finished: its preset {place}. To train again, "
        "run its command with --overwrite instead of --resume."
    )


def _check_free(target, run, before, differ):
    """Refuses a preset or a run that only --overwrite may replace."""
    if target.exists():
        raise FileExistsError(
            f"{target} exists. Choose another folder or add --overwrite."
        )
    if before and (before.get("finished") or differ):
        problem = (
            "is finished"
            if before.get("finished")
            else f"was begun with other settings ({' '.join(differ)}). To "
            f"continue it: tsm train --resume={run.path}"
        )
        raise FileExistsError(
            f"The run {run.path} {problem}. For a new run choose another folder"
            " (--to, --run) or add --overwrite."
        )


def _worker(flag_values):
    several = flag_values.distribute == "multi_worker"
    return worker_index() if several else 0


def _lock_name(flag_values):
    """Returns the name of this worker's lock file."""
    index = _worker(flag_values)
    return f"lock-worker-{index}" if index else "lock"
