"""Top-1 on a folder of class folders: `tsm evaluate MODEL --data=FOLDER`.

MODEL is a preset folder or a .tflite artifact.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data", None, "Folder of class folders with videos.", flag_values=FLAGS
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

    model = load_preset(path)
    videos, progress_bar = _scan(model.video_config.labels)
    with progress_bar("evaluating") as progress:
        predictions = model_predictions(model, videos, progress)
    _print(predictions)


def _evaluate_artifact(path):
    from tsm_cli.predictions import artifact_predictions
    from tsm_live import StreamingSession

    session = StreamingSession(path)
    videos, progress_bar = _scan(session.spec.labels)
    with progress_bar("evaluating") as progress:
        predictions, latency = artifact_predictions(session, videos, progress)
    _print(predictions)
    print(f"median {latency * 1e3:.2f} ms a frame, one thread")


def _scan(labels):
    from tsm_keras.data.folder import scan_folder
    from tsm_keras.progress import progress_bar

    with progress_bar("checking videos") as progress:
        videos = scan_folder(
            FLAGS.data, label_names=labels or None, progress=progress
        )
    return videos, progress_bar


def _print(predictions):
    print(f"top-1 {predictions.top1():.2%} of {len(predictions.labels)} videos")
