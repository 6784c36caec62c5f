"""predict_views: one prediction per video, averaged over its views."""

from collections.abc import Callable, Iterator

import numpy as np

from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.clip_reader import DataSource, as_reader
from tsm_keras.evaluation.predictions import Predictions, softmax
from tsm_keras.models.config import TakesClips

# Takes clips, [B, T, S, S, C] uint8, and returns logits: [B, T, K], one row per
# frame, or [B, 1, K], one row per clip.
Predictor = Callable[[np.ndarray], np.ndarray]

AVERAGES = ("logits", "softmax")
# The logarithm of a probability of 0 would not be finite.
_SMALLEST = np.finfo(np.float32).tiny


def predict_views(
    predictor: Predictor,
    source: DataSource,
    config: TakesClips,
    views: ViewConfig,
    *,
    average: str = "logits",
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """Runs a predictor over all views of all videos.

    Logits are summed up video by video, so memory does not grow with the number
    of views.

    Args:
        predictor: A network, an artifact or any other callable.
        source: As in `make_dataset`.
        config: The clips that the predictor takes: number, size and interval
            of the frames.
        views: The clips and crops that are taken from each video.
        average: What is averaged over the views: `"logits"` as in the authors'
            code, or `"softmax"`, the probabilities, as in I3D. Over the frames
            of a clip, logits are always averaged.
        batch_size: The number of views per batch.
        progress: Called with the number of videos done and of all videos.

    Returns:
        The predictions in the order in which the videos are stored. With one
        view they hold the logits of every frame; with several, one row per
        video: the mean logits, or the logarithm of the mean probabilities.

    Raises:
        ValueError: If an argument is out of range, the predictor returns an
            unexpected shape, or `make_views` refuses the views.
    """
    if average not in AVERAGES:
        raise ValueError(
            f"`average` must be one of {AVERAGES}. "
            f"Received: average={average!r}"
        )
    if batch_size < 1:
        raise ValueError(
            "`batch_size` must be at least 1. "
            f"Received: batch_size={batch_size!r}"
        )
    clips = as_reader(source)
    data = make_views(clips, config, views, batch_size=batch_size)
    per_video, num_classes = views.per_video(), len(clips.label_names)
    rows: list[np.ndarray] = []
    labels: list[int] = []
    total, seen = np.zeros(num_classes), 0
    for logits, label in _each_view(predictor, data, clips):
        if per_video == 1:
            rows.append(logits)
            labels.append(label)
        else:
            mean = logits.mean(axis=0, dtype=np.float64)
            total += softmax(mean) if average == "softmax" else mean
            seen += 1
        if seen == per_video:
            scores = total / per_video
            if average == "softmax":
                scores = log_probabilities(scores)
            rows.append(scores[None].astype(np.float32))
            labels.append(label)
            total, seen = np.zeros(num_classes), 0
        if progress and seen == 0:
            progress(len(rows), clips.num_clips)
    return Predictions(
        np.stack(rows), np.array(labels, np.int64), clips.label_names
    )


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Returns finite logits whose softmax is `probabilities`."""
    return np.log(np.maximum(probabilities, _SMALLEST))


def _each_view(predictor, data, clips) -> Iterator[tuple[np.ndarray, int]]:
    """Yields the frames' logits, `[T or 1, K]`, and the class of each view."""
    num_classes = len(clips.label_names)
    for batch in data.as_numpy_iterator():
        views = batch["clip"]
        logits = np.asarray(predictor(views), np.float32)
        shapes = [(len(views), n, num_classes) for n in (views.shape[1], 1)]
        if logits.shape not in shapes:
            raise ValueError(
                f"`predictor` must return {list(shapes[0])} for clips "
                f"{list(views.shape)}, or one row per clip. "
                f"Received: {list(logits.shape)}"
            )
        for index, mirrored in enumerate(batch["mirrored"]):
            row = logits[index]
            if mirrored:  # It shows the class of the mirrored video.
                row = row[:, list(clips.mirrored_labels)]
            yield row, int(batch["label"][index])
