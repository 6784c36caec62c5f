"""Tries all steps on generated gestures: `tsm quickstart`.

It writes videos, trains TSN, TSM and causal TSM, exports the causal TSM as
streaming TFLite (float32 and int8), runs it on a video and writes a report.
Each network starts from the weights of the one before.
"""

import dataclasses
import json
import pathlib
import shutil
import time
from collections.abc import Sequence

import numpy as np
from absl import flags
from tensorflow import keras

from tsm_cli.predictors import ArtifactPredictor
from tsm_cli.quickstart_report import Result, write_quickstart_report
from tsm_export.clips import video_clips
from tsm_export.tflite.export import export_tflite
from tsm_keras.data.gestures.generate import write_gestures
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers.clip_reader import as_reader
from tsm_keras.data.readers.folder import VideoFolder, scan_folder
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.views import predict_views
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import WEIGHTS_FILE, preset_hash, save_preset
from tsm_keras.models.weights import copy_weights
from tsm_keras.progress import progress_bar
from tsm_keras.training.fit import TrainingConfig, fit
from tsm_live import StreamingSession
from tsm_live.cli.annotate import annotate_video

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "to", "tsm-quickstart", "Folder to write.", flag_values=FLAGS
)
flags.DEFINE_integer("seed", 0, "Seed of all draws.", flag_values=FLAGS)
flags.DEFINE_boolean(
    "fast",
    False,
    "Only check in a minute that everything runs; accuracies mean nothing.",
    flag_values=FLAGS,
)

# For each model its name in the table, the folder of its preset and its shift.
# Each starts with the weights of the one before.
_MODELS = (
    ("TSN (no shift)", "tsn", "none"),
    ("TSM", "tsm", "bidirectional"),
    ("causal TSM", "tsm_causal", "causal"),
)
# A folder with this file was written by quickstart, which may replace it.
_MARKER = "quickstart.json"


@dataclasses.dataclass(frozen=True)
class Scale:
    """The amount of data and training.

    Attributes:
        training_clips: The number of training videos per class.
        test_clips: The number of held-out videos per class.
        epochs: The number of passes over the training videos, for each of
            `_MODELS`.
        calibration_frames: The number of frames to calibrate int8 with.
    """

    training_clips: int
    test_clips: int
    epochs: tuple[int, int, int]
    calibration_frames: int


_FULL = Scale(100, 25, (3, 8, 5), 400)
_FAST = Scale(4, 2, (1, 1, 1), 64)


def main(arguments: Sequence[str]) -> None:
    """Runs all steps; the last line that is printed is the report's path.

    Raises:
        flags.Error: If there are positional arguments.
        FileExistsError: If the folder has other content.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    start = time.monotonic()
    scale = _FAST if FLAGS.fast else _FULL
    folder = _claim_folder(pathlib.Path(FLAGS.to))
    training, test = _write_videos(folder / "data", scale, FLAGS.seed)
    recipe = TrainingConfig(batch_size=16, learning_rate=6e-3, seed=FLAGS.seed)
    models = _train(folder, training, recipe, scale.epochs)
    artifacts = _export(folder, models["causal TSM"], training, scale)
    results = _evaluate(folder, models, artifacts, test)
    annotated = folder / "annotated.mp4"
    annotate_swipe(artifacts["int8 TFLite"], test, results[-1], annotated)
    report = write_quickstart_report(
        folder / "report.html",
        results,
        annotated=annotated,
        seed=FLAGS.seed,
        num_training=len(training.paths),
        seconds=time.monotonic() - start,
    )
    print(report.resolve())


def _claim_folder(folder):
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).is_file():
            raise FileExistsError(
                f"{folder} has other content than an earlier quickstart. "
                "Choose another folder with --to."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker = {"seed": FLAGS.seed, "fast": FLAGS.fast}
    (folder / _MARKER).write_text(json.dumps(marker), "utf-8")
    return folder


def _write_videos(folder, scale, seed):
    splits = []
    for split, (name, clips) in enumerate(
        (("train", scale.training_clips), ("test", scale.test_clips))
    ):
        with progress_bar(f"\n[1/5] writing videos, {name}") as progress:
            write_gestures(
                folder / name,
                clips_per_class=clips,
                seed=2 * seed + split,  # Splits never share a seed.
                progress=progress,
            )
        with progress_bar("reading them back") as progress:
            splits.append(scan_folder(folder / name, progress=progress))
    return splits


def _train(
    folder, training: VideoFolder, recipe, epochs
) -> dict[str, keras.Model]:
    configs = {
        name: VideoClassifierConfig(
            num_classes=len(training.label_names),
            labels=training.label_names,
            width=0.35,
            image_size=40,
            # At this width an eighth of the channels is only one or two.
            shift_div=4,
            shift=shift,
            dropout=0.0,
            frame_interval=training.frame_interval(8),
        )
        for name, _, shift in _MODELS
    }
    # The three models share a data set, so the videos are decoded once.
    dataset = make_dataset(
        training,
        configs["causal TSM"],
        batch_size=recipe.batch_size,
        training=True,
        seed=recipe.seed,
        cache=True,
    )
    models: dict[str, keras.Model] = {}
    previous = None
    for (name, preset, _), passes in zip(_MODELS, epochs, strict=True):
        print(f"\n[2/5] training {name}")
        recipe = dataclasses.replace(recipe, epochs=passes)
        keras.utils.set_random_seed(recipe.seed)
        model = build_clip_model(configs[name])
        if previous is not None:
            copy_weights(previous, model)
        fit(model, dataset, recipe, verbose=1)
        models[name] = previous = model
        save_preset(
            model,
            folder / "presets" / preset,
            provenance={
                "data": "generated gestures",
                "data_sha256": training.content_hash(),
                "recipe": recipe.to_dict(),
            },
        )
    return models


def _export(folder, model, training, scale) -> dict[str, pathlib.Path]:
    config = model.video_config
    count = -(-scale.calibration_frames // config.clip.num_segments)
    clips = video_clips(training, config, count, FLAGS.seed)
    artifacts = {}
    for name, quantize in (("float32 TFLite", "none"), ("int8 TFLite", "int8")):
        print(f"\n[3/5] exporting {name}", flush=True)
        path = folder / f"gestures_{name.split()[0]}.tflite"
        export_tflite(
            model,
            path,
            quantize=quantize,
            calibration_clips=clips,
            preset_hash=preset_hash(folder / "presets" / "tsm_causal"),
        )
        artifacts[name] = path
    return artifacts


def _evaluate(folder, models, artifacts, videos) -> list[Result]:
    test = as_reader(videos, cache=True)  # The videos are decoded once.
    results = []
    for name, preset, _ in _MODELS:
        with progress_bar(f"\n[4/5] evaluating {name}") as progress:
            predictor = KerasPredictor(models[name])
            predictions = _predict(predictor, test, progress)
        weights = folder / "presets" / preset / WEIGHTS_FILE
        results.append(Result(name, predictions, None, weights))
    for name, path in artifacts.items():
        with progress_bar(f"\n[4/5] streaming through {name}") as progress:
            artifact = ArtifactPredictor(path)
            predictions = _predict(artifact, test, progress)
            latency = artifact.median_latency()
        results.append(Result(name, predictions, latency, path))
    print("\n[5/5] writing the report")
    return results


def _predict(predictor, test, progress):
    return predict_views(
        predictor,
        test,
        predictor.config,
        ViewConfig(),
        batch_size=32,
        progress=progress,
    )


def annotate_swipe(
    artifact: pathlib.Path,
    test: VideoFolder,
    result: Result,
    output: pathlib.Path,
) -> None:
    """Annotates a swipe that a live run recognizes, else the last one tried.

    Args:
        artifact: The streaming artifact.
        test: The held-out videos.
        result: What the artifact predicts for them.
        output: The video to write.
    """
    swipe = test.label_names.index("swipe_right")
    swipes = np.flatnonzero(np.equal(test.labels, swipe))
    wrong = result.predictions.classes()[swipes] != swipe
    session = StreamingSession(artifact)
    # Videos that were classified correctly come first. Not every one of them is
    # recognized by a live run, because it averages scores over time.
    for index in swipes[np.argsort(wrong, kind="stable")]:
        source = pathlib.Path(test.paths[index])
        summary = annotate_video(session, source, output)
        if summary.label == source.parent.name:
            break
    print(f"{output}: {summary.label} (true class: {source.parent.name})")
