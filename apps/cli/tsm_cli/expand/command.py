"""Expands a small network step by step: the method that found X3D.

tsm expand --data=DATA --to=FOLDER --steps=3
tsm expand --data=DATA --to=FOLDER --start=mobilenet_v2 --width=0.35 --size=64
tsm expand --data=DATA --to=FOLDER --objective=latency --budget=50 --causal

Each step expands the network along each axis (frame rate, duration, resolution,
width, depth, bottleneck) to about twice the cost, trains these candidates from
random weights, and keeps the most accurate one. If that costs more than the
budget, the last expansion is reduced until the budget is met.

FOLDER gets the result of each candidate, a report and the preset `best`. The
same command continues after an interruption, and with more --steps it goes on
from where it ended. docs/expand.md describes the method.
"""

import functools
import os
import pathlib
import tempfile
from collections.abc import Sequence

import tensorflow as tf
from absl import flags

from tsm_cli.expand.flags import (
    define,
    network_from_flags,
    recipe_from_flags,
)
from tsm_cli.expand.report import describe, write_expansion_report
from tsm_keras.command_flags import expect_values
from tsm_keras.data.readers.clip_reader import open_clips, split_names
from tsm_keras.models.config import HeadConfig
from tsm_keras.training.expansion.axes import axes_of, with_clip_duration
from tsm_keras.training.expansion.candidate import (
    CandidateJob,
    train_candidate,
)
from tsm_keras.training.expansion.folder import ExpansionFolder
from tsm_keras.training.expansion.processes import run_in_processes
from tsm_keras.training.expansion.search import Flops, expand
from tsm_keras.training.flags import is_deterministic

FLAGS = flags.FlagValues()
define(FLAGS, __name__)
_OBJECTIVES = ("flops", "latency")


def main(arguments: Sequence[str]) -> None:
    """Runs the expansion; the last line that is printed is the preset's path.

    Raises:
        flags.Error: If a required flag is missing, or there are positional
            arguments.
        ValueError, OSError: If the data, a setting or the folder is wrong.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    expect_values(FLAGS, "data", "to")
    if FLAGS.objective not in _OBJECTIVES:
        raise ValueError(
            f"`objective` must be one of {_OBJECTIVES}. "
            f"Received: objective={FLAGS.objective!r}"
        )
    recipe = recipe_from_flags(FLAGS)
    network = network_from_flags(FLAGS)
    validation = _validation_split()
    clips = open_clips(
        FLAGS.data,
        "train",
        max_bad_fraction=FLAGS.max_bad_fraction,
        verbose=True,
    )
    heads = tuple(
        HeadConfig(len(head.label_names), head.label_names, head.name)
        for head in clips.heads
    )
    # If the network does not say how long its clips are, a whole video.
    config = with_clip_duration(
        network.changed(heads=heads), clips.frame_interval(1)
    )
    folder = ExpansionFolder(FLAGS.to)
    settings = {
        "data_sha256": clips.content_hash,
        "validation_split": validation,
        "max_bad_fraction": FLAGS.max_bad_fraction,
        "start": config.to_dict(),
        "recipe": recipe.to_dict(),
        "axes": FLAGS.axes,
        "objective": FLAGS.objective,
        "budget": FLAGS.budget,
    }

    with tempfile.TemporaryDirectory() as temporary:
        objective = _objective(config, pathlib.Path(temporary))
        axes_of(config, FLAGS.axes, streams=objective.streams)  # May raise.
        folder.begin(settings)
        try:
            steps = expand(
                config,
                folder,
                functools.partial(_train, folder, validation, recipe),
                objective=objective,
                steps=FLAGS.steps,
                axes=FLAGS.axes,
                budget=FLAGS.budget,
                log=_print,
            )
            found = steps[-1].chosen
            best = folder.write_best(found)
            report = write_expansion_report(
                folder.path / "report.html",
                steps,
                unit=objective.unit,
                notes=[f"Trained on {clips.name}, recipe {FLAGS.recipe}."],
            )
        finally:
            folder.release()
    print(f"found: {describe(found.config)}")
    print(f"{found.cost:.4g} {objective.unit}, top-1 {found.top1:.2%}")
    print(f"wrote {report}")
    print(best)


def _train(folder, validation, recipe, candidates):
    """Trains candidates in processes; see `expand`."""
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    deterministic = is_deterministic(FLAGS, has_gpu)
    jobs = {
        name: CandidateJob(
            found.config,
            folder.preset(found.step, name),
            os.path.abspath(FLAGS.data),
            validation,
            recipe,
            cache=FLAGS.cache,
            max_bad_fraction=FLAGS.max_bad_fraction,
            threads=max(1, (os.cpu_count() or 1) // FLAGS.jobs),
            deterministic=deterministic,
        )
        for name, found in candidates.items()
    }
    return run_in_processes(train_candidate, jobs, processes=FLAGS.jobs)


def _validation_split():
    there = split_names(FLAGS.data)
    found = FLAGS.validation_split or next(
        (name for name in ("val", "test") if name in there), "val"
    )
    if {"train", found} - {*there} or found == "train":
        raise ValueError(
            "`data` must have a split train and another one to measure the "
            f"accuracy, {found}. Received: a folder with {there or 'no splits'}"
        )
    return found


def _objective(config, temporary):
    if FLAGS.objective == "flops":
        return Flops()
    from tsm_cli.expand.latency import StreamLatency, expect_stream

    expect_stream(config)
    return StreamLatency(temporary)


def _print(line: str) -> None:
    print(line, flush=True)
