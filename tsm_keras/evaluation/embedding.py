"""Embedding: the features before the classifier, as a picture by t-SNE."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.clip_reader import DataSource, as_reader
from tsm_keras.evaluation.plots import (
    FAINT,
    INK,
    new_figure,
    plain_text,
    to_png,
)

_FEWEST_CLIPS = 4
_PERPLEXITY = 30.0  # The default of scikit-learn; it needs three times as many.
_MAX_CLASSES_WITH_NAMES = 20
_MARKERS = "os^Dv"


def clip_features(
    model: keras.Model,
    source: DataSource,
    views: ViewConfig,
    *,
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Returns the input of the classifier, averaged over each video.

    Args:
        model: A clip model.
        source: As in `make_dataset`.
        views: The clips and crops that are taken from each video; features are
            averaged over their frames.
        batch_size: The number of views per batch.
        progress: Called with the number of videos done and of all videos.

    Returns:
        `[N, F]` float32, in the order in which the N videos are stored.

    Raises:
        ValueError: If `make_views` refuses the views.
    """
    config = model.video_config
    reader = as_reader(source)
    data = make_views(reader, config, views, batch_size=batch_size)
    network = keras.Model(
        model.inputs[0], model.get_layer("dropout").input, name="features"
    )
    run = tf.function(
        network,
        input_signature=[tf.TensorSpec([None, *model.inputs[0].shape[1:]])],
        jit_compile=False,
    )
    per_video = views.per_video()
    rows: list[np.ndarray] = []
    for batch in data.as_numpy_iterator():
        clips = batch["clip"]
        # X3D has one row per clip here, other networks have one per frame.
        features = run(tf.cast(clips, tf.float32)).numpy()
        features = features.reshape(len(clips), -1, features.shape[-1])
        rows.extend(features.mean(axis=1, dtype=np.float64))
        if progress:
            progress(len(rows) // per_video, reader.num_clips)
    by_video = np.stack(rows).reshape(reader.num_clips, per_video, -1)
    return by_video.mean(axis=1).astype(np.float32)


def t_sne(features: np.ndarray) -> np.ndarray:
    """Returns positions in a plane at which similar clips are neighbours.

    Equal features give equal positions.

    Args:
        features: `[N, F]` float32 of at least 4 clips.

    Returns:
        `[N, 2]` float32.

    Raises:
        ValueError: If there are too few clips.
    """
    expect_enough(len(features))
    # Importing scikit-learn takes a second.
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
    return TSNE(
        perplexity=perplexity, init="pca", random_state=0
    ).fit_transform(features)


def expect_enough(clips: int) -> None:
    """Checks that there are enough clips for `t_sne`.

    Raises:
        ValueError: If there are too few.
    """
    if clips < _FEWEST_CLIPS:
        raise ValueError(
            f"`embedding` needs at least {_FEWEST_CLIPS} clips. "
            f"Received: {clips} clips"
        )


def neighbours_agree(features: np.ndarray, labels: np.ndarray) -> float:
    """Returns the share of clips whose nearest other clip is of their class.

    Args:
        features: `[N, F]` float32; distances are Euclidean.
        labels: `[N]` int64, the class of each clip.
    """
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=1).fit(features)
    nearest = neighbours.kneighbors(return_distance=False)[:, 0]
    return float(np.mean(labels[nearest] == labels))


def draw_embedding(
    positions: np.ndarray, labels: np.ndarray, label_names: Sequence[str]
) -> bytes:
    """Draws one point per clip, in the colour of its true class.

    Args:
        positions: `[N, 2]`, as from `t_sne`.
        labels: `[N]` int64, the true class of each clip.
        label_names: The names of the classes. Up to 20 are shown.

    Returns:
        The bytes of a PNG file.
    """
    from matplotlib import colormaps

    figure = new_figure(7, 6, "constrained")
    axes = figure.subplots()
    for label in np.unique(labels):
        color = colormaps["turbo"]((label + 0.5) / len(label_names))
        axes.scatter(
            *positions[labels == label].T,
            s=18,
            # Neighbouring colours are alike, so neighbours differ in shape.
            marker=_MARKERS[label % len(_MARKERS)],
            color=color,
            label=plain_text(label_names[label]),
        )
    # Only the distances between points mean something.
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT)
    if len(label_names) <= _MAX_CLASSES_WITH_NAMES:
        figure.legend(
            loc="outside lower center", ncols=4, frameon=False, labelcolor=INK
        )
    return to_png(figure)
