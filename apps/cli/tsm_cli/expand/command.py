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

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Sequence

from absl import flags

from tsm_cli.expand.report import describe, write_expansion_report
from tsm_keras.command_flags import (
    define_fields,
    define_groups,
    expect_values,
    given_fields,
)
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.readers.clip_reader import open_clips, split_names
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.models.config import (
    BackboneConfig,
    ClipConfig,
    HeadConfig,
    InputConfig,
    TemporalConfig,
    VideoClassifierConfig,
)
from tsm_keras.models.config.parts import flat_name
from tsm_keras.models.presets import read_description
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.expansion.axes import (
    AXES,
    axes_of,
    with_clip_duration,
)
from tsm_keras.training.expansion.candidate import (
    CandidateJob,
    train_candidate,
)
from tsm_keras.training.expansion.folder import ExpansionFolder
from tsm_keras.training.expansion.processes import run_in_processes
from tsm_keras.training.expansion.search import Flops, expand
from tsm_keras.training.recipes import RECIPES, find_recipe

FLAGS = flags.FlagValues()
_OBJECTIVES = ("flops", "latency")
# Names of flags, each with the field of a part of the network that it sets.
_NETWORK = {
    BackboneConfig: {
        "width": "width",
        "depth": "depth",
        "bottleneck": "bottleneck",
        "activation": "activation",
        "dropout": "dropout",
    },
    InputConfig: {"size": "image_size"},
    ClipConfig: {
        "segments": "num_segments",
        "frame_interval": "frame_interval",
    },
    TemporalConfig: {
        "operator": "operator",
        "causal": "causal",
        "context": "context",
    },
}
_TRAINING = {
    field.name: field.name for field in dataclasses.fields(TrainingConfig)
}
_FLOAT, _TEXT = flags.DEFINE_float, flags.DEFINE_string
_INTEGER, _BOOLEAN = flags.DEFINE_integer, flags.DEFINE_boolean
define_groups(
    FLAGS,
    __name__,
    {
        "data": (
            (
                "data",
                _TEXT,
                None,
                "Prepared data set, or folder with train/ and val/, each with "
                "one folder per class.",
            ),
            (
                "validation_split",
                _TEXT,
                None,
                "Split that measures the accuracy. (default: val, or test if "
                "there is no val)",
            ),
            (
                "max_bad_fraction",
                _FLOAT,
                0.0,
                "Share of the videos of a folder that may be unreadable; they "
                "are left out.",
            ),
            (
                "cache",
                _BOOLEAN,
                False,
                "Keep the data in memory, in each process.",
            ),
        ),
        "search": (
            (
                "start",
                _TEXT,
                "x2d",
                "Network to start from: a network of X3D "
                f"({', '.join(X3D_NETWORKS)}), a backbone, or a preset, whose "
                "weights are not used.",
            ),
            (
                "axes",
                flags.DEFINE_list,
                list(AXES),
                "Axes to expand along. Those that the backbone does not have "
                "are left out.",
            ),
            (
                "steps",
                _INTEGER,
                5,
                "Largest number of steps.",
                {"lower_bound": 1},
            ),
            (
                "objective",
                _TEXT,
                "flops",
                "Cost of a network: flops (10^9 multiply-adds per clip) or "
                "latency (milliseconds of computing per second of video, "
                "streamed in int8 on this machine).",
            ),
            (
                "budget",
                _FLOAT,
                None,
                "Highest cost of the network to find, in the unit of the "
                "objective. (default: no limit)",
            ),
            (
                "jobs",
                _INTEGER,
                1,
                "Candidates to train side by side, each in its own process.",
                {"lower_bound": 1},
            ),
            ("to", _TEXT, None, "Folder to write."),
        ),
        "recipe": (
            (
                "recipe",
                _TEXT,
                "default",
                "Recipe to take the training and augmentation from: one of "
                f"{', '.join(RECIPES)}.",
            ),
        ),
    },
)
for _part, _names in _NETWORK.items():
    define_fields(
        FLAGS,
        __name__,
        "network",
        _part(),
        _names,
        origin="from --start, else ",
    )
define_fields(
    FLAGS,
    __name__,
    "training",
    TrainingConfig(),
    _TRAINING,
    origin="from the recipe, else ",
)


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
    recipe = find_recipe(FLAGS.recipe)
    recipe = dataclasses.replace(
        recipe,
        training=dataclasses.replace(
            recipe.training, **given_fields(FLAGS, TrainingConfig, _TRAINING)
        ),
        # Only these clips have a duration and a frame rate.
        sampling=SamplingConfig("interval"),
    )
    network = _network()
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

    def train(candidates):
        return run_in_processes(
            train_candidate,
            {
                name: CandidateJob(
                    found.config,
                    folder.preset(found.step, name),
                    os.path.abspath(FLAGS.data),
                    validation,
                    recipe,
                    cache=FLAGS.cache,
                    max_bad_fraction=FLAGS.max_bad_fraction,
                    threads=max(1, (os.cpu_count() or 1) // FLAGS.jobs),
                )
                for name, found in candidates.items()
            },
            processes=FLAGS.jobs,
        )

    with tempfile.TemporaryDirectory() as temporary:
        objective = _objective(config, pathlib.Path(temporary))
        axes_of(config, FLAGS.axes, streams=objective.streams)  # May raise.
        folder.begin(settings)
        try:
            steps = expand(
                config,
                folder,
                train,
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


def _network() -> VideoClassifierConfig:
    """Returns the network of --start, with the values of the other flags."""
    given = {
        flat_name(part, field): value
        for part, names in _NETWORK.items()
        for field, value in given_fields(FLAGS, part, names).items()
    }
    start, any_head = FLAGS.start, (HeadConfig(2),)
    if start in X3D_NETWORKS:
        fields = {**X3D_NETWORKS[start], **given}
        if fields["num_segments"] == 1 and "frame_interval" not in given:
            fields["frame_interval"] = 0.0  # The interval of no two frames.
        return VideoClassifierConfig(**fields, heads=any_head)
    if start in BACKBONES:
        return VideoClassifierConfig(backbone=start, **given, heads=any_head)
    if not pathlib.Path(start).is_dir():
        raise ValueError(
            f"`start` must be one of {[*X3D_NETWORKS, *BACKBONES]}, or the "
            f"folder of a preset. Received: start={start!r}"
        )
    config = read_description(start)["config"]
    size = given.pop("image_size", None)
    return config.with_image_size(size).changed(**given)


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
