"""predict_views: one prediction per video, averaged over its views."""

from collections.abc import Callable, Iterator

import numpy as np

from tsm_keras.data.labels import only_head
from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.clip_reader import DataSource, as_reader
from tsm_keras.evaluation.predictions import Predictions, softmax
from tsm_keras.models.config import TakesClips

# Takes clips, [B, T, S, S, C] uint8, and returns logits: [B, T, K], one row per
# frame, or [B, 1, K], one row per clip. With several heads, a row has the
# logits of all heads side by side.
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
    """Runs a predictor with one head over all views of all videos.

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
            unexpected shape, `make_views` refuses the views, or there are
            several heads, which `predict_heads` takes.
    """
    clips = as_reader(source)
    name = only_head(clips.heads).name
    return predict_heads(
        predictor,
        clips,
        config,
        views,
        average=average,
        batch_size=batch_size,
        progress=progress,
    )[name]


def predict_heads(
    predictor: Predictor,
    source: DataSource,
    config: TakesClips,
    views: ViewConfig,
    *,
    average: str = "logits",
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Predictions]:
    """Does what `predict_views` does, for any number of heads.

    Args:
        predictor: As in `predict_views`. Its heads have the order of the heads
            of `source`.
        source: As in `predict_views`.
        config: As in `predict_views`.
        views: As in `predict_views`.
        average: As in `predict_views`.
        batch_size: As in `predict_views`.
        progress: As in `predict_views`.

    Returns:
        The predictions of each head, by its name.

    Raises:
        ValueError: As in `predict_views`.
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
    per_video = views.per_video()
    sizes = [len(head.label_names) for head in clips.heads]
    ends = np.cumsum(sizes)[:-1]  # Where the logits of the next head begin.
    rows: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    total, seen = np.zeros(sum(sizes)), 0
    for logits, label in _each_view(predictor, data, clips):
        if per_video == 1:
            rows.append(logits)
            labels.append(label)
        else:
            mean = logits.mean(axis=0, dtype=np.float64)
            if average == "softmax":
                parts = np.split(mean, ends)
                mean = np.concatenate([softmax(part) for part in parts])
            total += mean
            seen += 1
        if seen == per_video:
            scores = total / per_video
            if average == "softmax":
                scores = log_probabilities(scores)
            rows.append(scores[None].astype(np.float32))
            labels.append(label)
            total, seen = np.zeros(sum(sizes)), 0
        if progress and seen == 0:
            progress(len(rows), clips.num_clips)
    columns = np.array(labels, np.int64).reshape(len(labels), len(sizes)).T
    return {
        head.name: Predictions(logits, column, head.label_names)
        for head, logits, column in zip(
            clips.heads,
            np.split(np.stack(rows), ends, axis=-1),
            columns,
            strict=True,
        )
    }


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Returns finite logits whose softmax is `probabilities`."""
    return np.log(np.maximum(probabilities, _SMALLEST))


def _each_view(
    predictor, data, clips
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the frames' logits, `[T or 1, K]`, and the label of each view."""
    num_classes = sum(len(head.label_names) for head in clips.heads)
    mirrored_columns: list[int] = []
    for head in clips.heads:
        first = len(mirrored_columns)
        partners = head.mirrored_labels or range(len(head.label_names))
        mirrored_columns += [first + partner for partner in partners]
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
                row = row[:, mirrored_columns]
            yield row, batch["label"][index]
