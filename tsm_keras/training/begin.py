"""find_run, begin_run: the folder of a training, found and begun.

In between all settings are checked, so `find_run` changes nothing in it.
"""

import dataclasses
import os
import pathlib
import shlex
import sys
from typing import Any

from absl import flags
from tensorflow import keras

from tsm_keras.command_flags import expect_values
from tsm_keras.models.presets import CONFIG_FILE, save_preset
from tsm_keras.training.distribute import worker_index
from tsm_keras.training.flags import serialized
from tsm_keras.training.recipes import Recipe
from tsm_keras.training.run_folder import RunFolder
from tsm_keras.training.start_weights import StartReport


@dataclasses.dataclass(frozen=True)
class FoundRun:
    """A folder to train in.

    Attributes:
        folder: Where.
        goes_on: Whether an unfinished run of the same settings is there.
        replaces: Whether another run is there, which `begin_run` removes.
    """

    folder: RunFolder
    goes_on: bool
    replaces: bool


def find_run(flag_values: flags.FlagValues) -> FoundRun:
    """Returns the run that the flags name, and locks it if there is one.

    Args:
        flag_values: Of the command line; with `--resume` they become those of
            the run.

    Raises:
        flags.Error: If a flag is missing, or one too many.
        ValueError, OSError: If the run or the preset must not be written.
    """
    if flag_values.resume:
        if others := serialized(flag_values):
            raise flags.Error(
                "--resume takes all settings from the run: leave out "
                f"{' '.join(others)}"
            )
        run = RunFolder(flag_values.resume)
        flag_values(["tsm train", *run.read()["flags"]])
    expect_values(flag_values, "data", "to")
    target = pathlib.Path(flag_values.to)
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
            f"{target} exists and is no preset: choose another folder."
        )
    if before:
        run.lock(_lock_name(flag_values))
    elif run.path.exists() and any(
        not path.name.startswith("lock") for path in run.path.iterdir()
    ):
        raise FileExistsError(
            f"{run.path} exists and is no folder of a run: choose another one "
            "with --run."
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
    """Locks the folder and writes what the run begins with.

    Args:
        found: From `find_run`. A run that it replaces is removed here.
        flag_values: As for `find_run`.
        recipe: What is trained.
        model: What it begins with.
        report: Where that comes from.
        provenance: For the presets.

    Raises:
        OSError: If another process has begun it meanwhile.
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
            f"Another process has begun the run {run.path}: start again to go "
            "on with it."
        )
    if not run.exists:
        run.describe(
            command=shlex.join(["tsm", *sys.argv[1:]]),
            flags=serialized(flag_values),
            folder=os.getcwd(),
            overwrite=flag_values.overwrite,
            seed=recipe.training.seed,
            recipe={"name": flag_values.recipe, **recipe.to_dict()},
            network=dataclasses.asdict(model.video_config),
            start=report.to_text().splitlines() if report else [],
            data=provenance["data"],
            data_sha256=provenance["data_sha256"],
        )
    elif flag_values.overwrite:
        run.note(overwrite=True)
    if not run.start.exists():
        save_preset(model, run.start)


def _check_unfinished(run, target):
    """Refuses to resume what is done: with --overwrite it would start over."""
    if not run.read().get("finished"):
        return
    place = (
        f"is {target}"
        if target.exists()
        else f"was {target}, which is gone (copies: {run.path / 'presets'})"
    )
    raise FileExistsError(
        f"The run {run.path} is finished: its preset {place}. To train anew, "
        "give its command again, with --overwrite and without --resume."
    )


def _check_free(target, run, before, differ):
    """Refuses what only --overwrite may replace."""
    if target.exists():
        raise FileExistsError(
            f"{target} exists: choose another folder, or add --overwrite."
        )
    if before and (before.get("finished") or differ):
        problem = (
            "is finished"
            if before.get("finished")
            else f"was begun with other settings ({' '.join(differ)}); go on "
            f"with it: tsm train --resume={run.path}"
        )
        raise FileExistsError(
            f"The run {run.path} {problem}. For a new one choose another folder"
            " (--to, --run), or add --overwrite."
        )


def _worker(flag_values):
    several = flag_values.distribute == "multi_worker"
    return worker_index() if several else 0


def _lock_name(flag_values):
    """Each worker has its own."""
    index = _worker(flag_values)
    return f"lock-worker-{index}" if index else "lock"
