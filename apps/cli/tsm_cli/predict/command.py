"""Predicts the classes of videos: `tsm predict MODEL VIDEO`.

MODEL is a preset folder or an artifact. VIDEO is a video file, a folder (all
videos below it count) or a list, FILE.csv, with a column `path`. Several may be
given. No labels are needed.

tsm predict PRESET holiday.mp4
tsm predict FILE.tflite videos/ --top=3 --output=classes.csv
tsm predict CAUSAL_PRESET long.mp4 --stream --format=jsonl

--stream reads videos frame by frame, as tsm-live does, and prints when each
gesture starts and ends. A video that cannot be read is reported, and the others
are predicted; the exit status is then 1.
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from tsm_cli.task import expect_classifier
from tsm_cli.view_flags import (
    VIEW_FLAGS,
    VIEW_NAMES,
    refuse_given,
    refuse_unread_views,
    views_from_flags,
)
from tsm_keras.command_flags import define_fields, define_groups
from tsm_live.artifact.spec import SCORES, SECONDS
from tsm_live.decision.gestures import DecisionConfig

# The format of files with these endings.
_BY_SUFFIX = {".csv": "csv", ".jsonl": "jsonl"}

FLAGS = flags.FlagValues()
define_groups(
    FLAGS,
    __name__,
    {
        "output": (
            (
                "top",
                flags.DEFINE_integer,
                5,
                "Number of classes to give per video and head.",
                {"lower_bound": 1},
            ),
            (
                "format",
                flags.DEFINE_string,
                None,
                "Format of the output: table, jsonl (one JSON object per "
                "video and line) or csv. (default: by the ending of "
                "--output, else table)",
            ),
            (
                "output",
                flags.DEFINE_string,
                None,
                "File to write. (default: standard output)",
            ),
        ),
        "view": VIEW_FLAGS,
        "model": (
            (
                "batch_size",
                flags.DEFINE_integer,
                8,
                "Clips per batch.",
                {"lower_bound": 1},
            ),
        ),
        "stream": (
            (
                "stream",
                flags.DEFINE_boolean,
                False,
                "Find when gestures start and end in long videos. The model "
                "must be causal, or see --lookahead.",
            ),
            (
                "lookahead",
                flags.DEFINE_boolean,
                False,
                "Let --stream wait for the later frames that a preset needs "
                "which is not causal.",
            ),
        ),
    },
)
_DECISION = {name: name for name in SECONDS + SCORES}
_CLASSES = ("no_gesture", "ignored")
define_fields(
    FLAGS,
    __name__,
    "stream",
    DecisionConfig(),
    _DECISION,
    origin="that of the artifact, else ",
)
define_groups(
    FLAGS,
    __name__,
    {
        "stream": (
            (
                "no_gesture",
                flags.DEFINE_list,
                None,
                "Classes which mean that there is no gesture. (default: those "
                "of the artifact)",
            ),
            (
                "ignored",
                flags.DEFINE_list,
                None,
                "Classes that are left out, as if the network did not have "
                "them.",
            ),
        )
    },
)
_STREAM = (*_DECISION, *_CLASSES)


def main(arguments: Sequence[str]) -> int:
    """Predicts videos, and prints or writes what the model sees.

    Returns:
        The exit status: 0, or 1 if a video could not be read.

    Raises:
        flags.Error: If there is no model or no video, or a flag has no effect.
        ValueError, OSError: If the model or a setting is wrong.
    """
    if len(arguments) < 2:
        raise flags.Error(
            "expected a MODEL and a VIDEO: tsm predict MODEL VIDEO"
        )
    output_format = _format()
    if FLAGS.stream:
        refuse_given(FLAGS, (*VIEW_NAMES, "batch_size", "top"), "with --stream")
        if pathlib.Path(arguments[0]).is_file():
            refuse_given(
                FLAGS,
                ("lookahead",),
                "for an artifact, whose export decides about it",
            )
    else:
        refuse_given(FLAGS, (*_STREAM, "lookahead"), "without --stream")
        refuse_unread_views(FLAGS)
    if FLAGS.output and not pathlib.Path(FLAGS.output).parent.is_dir():
        raise FileNotFoundError(
            "The folder of `output` must exist. "
            f"Received: output={FLAGS.output}"
        )
    # TensorFlow is imported only after the command line is checked.
    from tsm_cli.predict.output import write_results
    from tsm_keras.progress import progress_bar

    model, *videos = arguments
    shown: dict[str, Any] = {}
    # The model is opened first, so that its errors come before the bar.
    results = _results(model, videos, lambda *done: shown["bar"](*done))
    title = f"predicting with {model}"
    with progress_bar(title, unit="video", file=sys.stderr) as shown["bar"]:
        count, failed = write_results(
            results, output_format, top=FLAGS.top, to=FLAGS.output
        )
    for result in failed:
        print(f"{result.path}: {result.error}", file=sys.stderr)
    if failed:
        print(
            f"{len(failed)} of {count} videos cannot be read", file=sys.stderr
        )
    return 1 if failed else 0


def _results(model, videos, progress):
    expect_classifier(model)
    if FLAGS.stream:
        from tsm_cli.predict.events import predict_events

        decision = {
            name: FLAGS[name].value
            for name in _STREAM
            if FLAGS[name].value is not None
        }
        return predict_events(
            model,
            videos,
            decision=decision,
            lookahead=FLAGS.lookahead,
            progress=progress,
        )
    from tsm_cli.predictors import open_predictor
    from tsm_keras.video_prediction import predict_videos

    views = views_from_flags(FLAGS)
    return predict_videos(
        open_predictor(model, full_resolution=views.full_resolution),
        videos,
        views,
        batch_size=FLAGS.batch_size,
        progress=progress,
    )


def _format():
    """Returns the format of the output."""
    from tsm_cli.predict.output import FORMATS

    suffix = pathlib.Path(FLAGS.output or "").suffix.lower()
    output_format = FLAGS.format or _BY_SUFFIX.get(suffix, "table")
    if output_format not in FORMATS:
        raise flags.Error(
            f"--format must be one of {', '.join(FORMATS)}. "
            f"Received: --format={output_format}"
        )
    return output_format
