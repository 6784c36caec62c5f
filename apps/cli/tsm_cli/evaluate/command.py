"""Evaluates presets and artifacts: `tsm evaluate MODEL --data=FOLDER`.

MODEL is a preset folder or an artifact. FOLDER is a prepared data set, or a
folder of class folders with videos. Several models are averaged as an ensemble,
also models of RGB with models of optical flow (from `tsm flow`):

tsm evaluate PRESET --data=FOLDER --sampling=dense --crops=3 --full_resolution
tsm evaluate FILE.tflite --data=FOLDER --against=PRESET
tsm evaluate RGB_PRESET FLOW_PRESET --data=FOLDER --flow_data=FOLDER
tsm evaluate CAUSAL_PRESET --data=FOLDER --stream

For a detector of objects, FOLDER is a prepared data set with boxes; see
docs/detection.md.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_cli.task import is_detector
from tsm_cli.view_flags import (
    VIEW_FLAGS,
    VIEW_NAMES,
    refuse_given,
    refuse_unread_views,
    views_from_flags,
)
from tsm_keras.command_flags import define_groups, expect_values
from tsm_keras.data.flag_rows import FLIP_PAIRS, MAX_BAD_FRACTION

FLAGS = flags.FlagValues()
# Flags that --stream does not read, and that only it reads.
_NOT_STREAM = (
    *("flow_data", "flip_pairs", *VIEW_NAMES),
    *("average", "weights", "against", "saliency", "embedding"),
)
_STREAM = ("lookahead", "frame_interval", "seed")
# Flags that a detector does not read; it reads --against with --stream too.
_NOT_DETECTOR = (
    *(name for name in _NOT_STREAM if name != "against"),
    *_STREAM,
    "max_bad_fraction",
)


_TEXT, _NUMBER, _LIST = (
    flags.DEFINE_string,
    flags.DEFINE_integer,
    flags.DEFINE_list,
)
_FLOAT, _BOOLEAN = flags.DEFINE_float, flags.DEFINE_boolean
define_groups(
    FLAGS,
    __name__,
    {
        "data": (
            (
                "data",
                _TEXT,
                None,
                "Prepared data set, or folder of class folders with videos.",
            ),
            (
                "split",
                _TEXT,
                None,
                "Split of the data to evaluate on. (default: test, or val "
                "if there is no test)",
            ),
            (
                "flow_data",
                _TEXT,
                None,
                "Folder of optical flow from `tsm flow`, for presets that take "
                "flow.",
            ),
            MAX_BAD_FRACTION,
            FLIP_PAIRS,
        ),
        "view": (
            *VIEW_FLAGS,
            (
                "average",
                _TEXT,
                None,
                "Values to average over views and models: logits, or softmax "
                "for probabilities. (default: logits; softmax for several "
                "models)",
            ),
        ),
        "model": (
            (
                "batch_size",
                _NUMBER,
                8,
                "Clips per batch, or streams at the same time with --stream.",
                {"lower_bound": 1},
            ),
            (
                "weights",
                _LIST,
                None,
                "Weights of several models in their average, such as 1,1.5. "
                "(default: equal weights)",
            ),
            (
                "against",
                _TEXT,
                None,
                "Preset to compare predictions with, for example the preset "
                "that an artifact was exported from.",
            ),
        ),
        "stream": (
            (
                "stream",
                _BOOLEAN,
                False,
                "Feed a causal model frame by frame; see docs/evaluation.md.",
            ),
            (
                "lookahead",
                _BOOLEAN,
                False,
                "Let --stream wait for the later frames that a preset needs "
                "which is not causal. Its answers then come some frames late.",
            ),
            (
                "frame_interval",
                _FLOAT,
                None,
                "Seconds between two frames of --stream. (default: that of the "
                "model)",
                # At 0 a stream would never end.
                {"lower_bound": 0.001},
            ),
            (
                "seed",
                _NUMBER,
                0,
                "Seed of the order of the videos in --stream.",
                {"lower_bound": 0},
            ),
        ),
        "output": (
            ("to", _TEXT, None, "Folder to write a report into."),
            (
                "saliency",
                _LIST,
                [],
                "Numbers or file names of clips that the report explains by "
                "Grad-CAM.",
            ),
            (
                "embedding",
                _BOOLEAN,
                False,
                "Show in the report which clips are alike for each model: the "
                "features before its classifier, in a plane by t-SNE.",
            ),
        ),
    },
)


def main(arguments: Sequence[str]) -> None:
    """Evaluates models, prints the accuracy and writes a report with `--to`.

    Raises:
        flags.Error: If there is no argument, a required flag is missing, or a
            flag has no effect.
        ValueError, OSError: If a model, the data or a setting is wrong, or
            they do not fit each other.
    """
    if not arguments:
        raise flags.Error("expected a MODEL: tsm evaluate MODEL --data=FOLDER")
    expect_values(FLAGS, "data")
    detects = is_detector(arguments[0])
    if detects:
        _refuse(_NOT_DETECTOR, "for a detector of objects")
    else:
        _refuse_unread(arguments)
    # TensorFlow is imported only after the command line is checked.
    from tsm_cli.evaluate.clips import evaluate
    from tsm_cli.evaluate.settings import Settings
    from tsm_cli.evaluate.streams import evaluate_stream
    from tsm_keras.data.readers.clip_reader import held_out_split

    settings = Settings(
        models=tuple(arguments),
        split=FLAGS.split or held_out_split(FLAGS.data),
        views=views_from_flags(FLAGS),
        weights=_weights(len(arguments)),
        saliency=tuple(FLAGS.saliency),
        **{
            field.name: FLAGS[field.name].value
            for field in dataclasses.fields(Settings)
            if field.name in FLAGS
            and field.name not in ("split", "views", "weights", "saliency")
        },
    )
    if detects:
        from tsm_cli.evaluate.boxes import evaluate_detector

        evaluate_detector(settings, stream=FLAGS.stream)
    else:
        (evaluate_stream if FLAGS.stream else evaluate)(settings)


def _refuse_unread(models):
    """Refuses flags without effect, on which a user would rely in vain."""
    if FLAGS.stream:
        _refuse(_NOT_STREAM, "with --stream")
        if pathlib.Path(models[0]).is_file():
            _refuse(
                ("batch_size", "lookahead"),
                "for an artifact, which was exported with its own streams",
            )
    else:
        _refuse(_STREAM, "without --stream")
        refuse_unread_views(FLAGS)


def _refuse(names, where):
    refuse_given(FLAGS, names, where)


def _weights(count):
    from tsm_keras.evaluation.ensemble import check_weights

    if FLAGS.weights is None:
        return None
    try:
        weights = tuple(map(float, FLAGS.weights))
    except ValueError:
        raise ValueError(
            "`weights` must be numbers, one per model. "
            f"Received: weights={','.join(FLAGS.weights)}"
        ) from None
    check_weights(weights, count)
    return weights
