"""Top-1 on held-out clips: `tsm evaluate MODEL --data=FOLDER`.

<<<<<<< HEAD
MODEL is a preset folder or an artifact. FOLDER is a prepared data set, or holds
class folders with videos.
=======
MODEL is a preset folder or an artifact. FOLDER is a prepared data set, or
holds class folders with videos.
>>>>>>> wip-pipeline
"""

import pathlib
from collections.abc import Sequence

from absl import flags

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "Prepared data set, or folder of class folders with videos.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "split",
    "test",
    "Of a prepared data set, or a folder in that folder.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "max_bad_fraction",
    0.0,
    "Share of a folder's videos that may be unreadable; they are left out.",
    flag_values=FLAGS,
)
flags.mark_flag_as_required("data", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Evaluates and prints.

    Raises:
        flags.Error: If there is not one argument.
        ValueError, OSError: If the model or the data is wrong, or they have
            different labels.
    """
    if len(arguments) != 1:
        raise flags.Error(
            "expected one MODEL: tsm evaluate MODEL --data=FOLDER"
        )
    path = pathlib.Path(arguments[0])
    if path.is_file():
        _evaluate_artifact(path)
    else:
        _evaluate_preset(path)


def _evaluate_preset(path):
    from tsm_cli.predictions import model_predictions
    from tsm_keras.models.presets import load_preset
    from tsm_keras.progress import progress_bar

    model = load_preset(path)
    clips = _open(model.video_config.labels)
    with progress_bar("evaluating") as progress:
        predictions = model_predictions(model, clips, progress)
    _print(predictions)


def _evaluate_artifact(path):
    from tsm_cli.predictions import artifact_predictions
    from tsm_keras.progress import progress_bar
    from tsm_live import open_session

    session = open_session(path)
    clips = _open(session.spec.labels)
    with progress_bar("evaluating") as progress:
        predictions, latency = artifact_predictions(session, clips, progress)
    _print(predictions)
    print(f"median {latency * 1e3:.2f} ms a frame, one thread")


def _open(labels):
    from tsm_keras.data.clip_reader import open_clips

    return open_clips(
        FLAGS.data,
        FLAGS.split,
        label_names=labels or None,
        max_bad_fraction=FLAGS.max_bad_fraction,
        verbose=True,
    )


def _print(predictions):
    print(f"top-1 {predictions.top1():.2%} of {len(predictions.labels)} clips")
