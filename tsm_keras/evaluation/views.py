"""predict_views: one prediction a video from all its views."""

from collections.abc import Callable, Iterator

import numpy as np

from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.clip_reader import DataSource, as_reader
from tsm_keras.evaluation.predictions import Predictions, softmax
from tsm_keras.models.config import VideoClassifierConfig

# Takes clips, [B, T, S, S, C] uint8, and returns logits, [B, T, K], of each
# frame, or [B, 1, K] of each clip.
Predictor = Callable[[np.ndarray], np.ndarray]

AVERAGES = ("logits", "softmax")
# A probability of 0 would have no finite logarithm.
_SMALLEST = np.finfo(np.float32).tiny


def predict_views(
    predictor: Predictor,
    source: DataSource,
    config: VideoClassifierConfig,
    views: ViewConfig,
    *,
    average: str = "logits",
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """Runs a predictor over all views of all videos.

    Views stream through the predictor in batches of one size and are summed up
    video by video: memory does not grow with their number.

    Args:
        predictor: A network, an artifact, any callable.
        source: As in `make_dataset`.
        config: What the predictor wants to be fed.
        views: Which clips and crops of a video.
        average: What is averaged over the views: `"logits"`, as the reference
            does, or `"softmax"`, their probabilities (I3D, and the reference
            for ensembles). The frames of a clip always average their logits.
        batch_size: Views a batch.
        progress: Called with (videos done, videos in all).

    Returns:
        The predictions in the order in which videos are stored. With one view
        they hold the logits of every frame; with several, one row a video, the
        mean logits or the logarithm of the mean probabilities.

    Raises:
        ValueError: If an argument is wrong, the predictor returns another
            shape, or the views are not possible; see `make_views`.
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
                f"{list(views.shape)}, or one row a clip. "
                f"Received: {list(logits.shape)}"
            )
        for index, mirrored in enumerate(batch["mirrored"]):
            row = logits[index]
            if mirrored:  # Shows the class that its mirror image is of.
                row = row[:, list(clips.mirrored_labels)]
            yield row, int(batch["label"][index])
