"""Evaluates presets and artifacts: `tsm evaluate MODEL --data=FOLDER`.

MODEL is a preset folder or an artifact. FOLDER is a prepared data set, or
holds class folders with videos. Several models are one ensemble; one of them
may see optical flow (`tsm flow` writes it):

tsm evaluate PRESET --data=FOLDER --sampling=dense --crops=3 --full_resolution
tsm evaluate FILE.tflite --data=FOLDER --against=PRESET
tsm evaluate RGB_PRESET FLOW_PRESET --data=FOLDER --flow_data=FOLDER
tsm evaluate CAUSAL_PRESET --data=FOLDER --stream
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_keras.required_flags import expect_values

FLAGS = flags.FlagValues()
# What --stream does not read, what is read with it alone, and with dense views.
_NOT_STREAM = (
    *("flow_data", "sampling", "window", "num_views", "crops"),
    *("full_resolution", "average", "weights", "against", "saliency"),
)
_STREAM = ("frame_interval", "seed")
_DENSE = ("window", "num_views")


def _define(kind, name, default, text, **bounds):
    kind(name, default, text, flag_values=FLAGS, **bounds)


_define(
    flags.DEFINE_string,
    "data",
    None,
    "Prepared data set, or folder of class folders with videos.",
)
_define(
    flags.DEFINE_string,
    "split",
    "test",
    "Of a prepared data set, or a folder in that folder.",
)
_define(
    flags.DEFINE_string,
    "flow_data",
    None,
    "Folder of class folders with folders of flow, for flow presets.",
)
_define(
    flags.DEFINE_float,
    "max_bad_fraction",
    0.0,
    "Share of a folder's videos that may be unreadable; they are left out.",
)
_define(
    flags.DEFINE_string,
    "sampling",
    "segments",
    "Clips of a video: segments (one, spread uniformly), twice (two such), "
    "dense (--num_views windows) or interval (one, at the pace of a stream).",
)
_define(flags.DEFINE_integer, "window", 64, "Frames of a dense clip.")
_define(flags.DEFINE_integer, "num_views", 10, "Dense clips a video.")
_define(
    flags.DEFINE_integer,
    "crops",
    1,
    "Squares of a clip: 1 (centre), 3 (along the long side), 5 (corners and "
    "centre) or 10 (these, and mirrored).",
)
_define(
    flags.DEFINE_boolean,
    "full_resolution",
    False,
    "Squares as large as the short side of resized videos (256 for 224).",
)
_define(
    flags.DEFINE_string,
    "average",
    None,
    "What views and models average: logits or softmax. (default: logits; "
    "softmax for several models)",
)
_define(
    flags.DEFINE_integer,
    "batch_size",
    8,
    "Clips at a time, or streams side by side.",
    lower_bound=1,
)
_define(
    flags.DEFINE_list,
    "weights",
    None,
    "How much each of several models counts, as 1,1.5. (default: the same)",
)
_define(
    flags.DEFINE_string,
    "against",
    None,
    "Preset whose predictions to compare with, as of an artifact.",
)
_define(flags.DEFINE_string, "to", None, "Folder for a report.")
_define(
    flags.DEFINE_list,
    "saliency",
    [],
    "Numbers of clips (or their files' names) to explain in the report.",
)
_define(
    flags.DEFINE_boolean,
    "stream",
    False,
    "Feed a causal model frame by frame; see docs/evaluation.md.",
)
_define(
    flags.DEFINE_float,
    "frame_interval",
    None,
    "Seconds between frames of --stream. (default: the model's)",
    # More frames a second than a video has are copies; no end of them, at 0.
    lower_bound=0.001,
)
_define(
    flags.DEFINE_integer,
    "seed",
    0,
    "Of the order of --stream.",
    lower_bound=0,
)


def main(arguments: Sequence[str]) -> None:
    """Evaluates, prints, and writes a report if asked to.

    Raises:
        flags.Error: If there is no argument, or a flag would not be read.
        ValueError, OSError: If a model, the data or a setting is wrong, or
            they do not fit each other.
    """
    if not arguments:
        raise flags.Error("expected a MODEL: tsm evaluate MODEL --data=FOLDER")
    expect_values(FLAGS, "data")
    _refuse_unread(arguments)
    # TensorFlow loads when the command line is known to be right.
    from tsm_cli.evaluation import Settings, evaluate
    from tsm_cli.stream_evaluation import evaluate_stream
    from tsm_keras.data.pipeline.sampling import SamplingConfig
    from tsm_keras.data.pipeline.views import ViewConfig

    settings = Settings(
        models=tuple(arguments),
        views=ViewConfig(
            SamplingConfig(FLAGS.sampling, FLAGS.window, FLAGS.num_views),
            FLAGS.crops,
            FLAGS.full_resolution,
        ),
        weights=_weights(len(arguments)),
        saliency=tuple(FLAGS.saliency),
        **{
            field.name: FLAGS[field.name].value
            for field in dataclasses.fields(Settings)
            if field.name in FLAGS and field.name not in ("weights", "saliency")
        },
    )
    (evaluate_stream if FLAGS.stream else evaluate)(settings)


def _refuse_unread(models):
    """Refuses a flag that would change nothing: somebody counts on it."""
    if FLAGS.stream:
        _refuse(_NOT_STREAM, "not read with --stream")
        if pathlib.Path(models[0]).is_file():
            _refuse(("batch_size",), "not read: a file has its own streams")
    else:
        _refuse(_STREAM, "read with --stream alone")
        if FLAGS.sampling != "dense":
            _refuse(_DENSE, "read with --sampling=dense alone")


def _refuse(names, reason):
    given = [f"--{name}" for name in names if FLAGS[name].present]
    if given:
        raise flags.Error(f"{', '.join(given)}: {reason}")


def _weights(count):
    from tsm_keras.evaluation.ensemble import check_weights

    if FLAGS.weights is None:
        return None
    try:
        weights = tuple(map(float, FLAGS.weights))
    except ValueError:
        raise ValueError(
            "`weights` must be numbers, one a model. "
            f"Received: weights={','.join(FLAGS.weights)}"
        ) from None
    check_weights(weights, count)
    return weights
