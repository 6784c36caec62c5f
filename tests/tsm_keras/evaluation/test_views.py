import numpy as np
import pytest

from testing.gestures import shared_videos
from testing.models import small_config
from testing.prepared import shared_prepared
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.evaluation.predictions import softmax
from tsm_keras.evaluation.views import predict_views

pytestmark = pytest.mark.keras3_only  # The predictor is NumPy.
CONFIG = small_config(image_size=48, num_classes=4)


def _logits(clips):
    """Returns four numbers per frame that differ by view, side and colour."""
    clips = clips.astype(np.float32)
    left, right = clips[..., :24, :], clips[..., 24:, :]
    parts = (left, right, clips[..., :24, :, :], clips[..., 0])
    means = [part.reshape(*clips.shape[:2], -1).mean(-1) for part in parts]
    return np.stack(means, axis=-1) / 8


def _all_views(source, views):
    data = make_views(source, CONFIG, views, batch_size=64)
    return np.concatenate([x["clip"] for x in data.as_numpy_iterator()])


@pytest.mark.parametrize("average", ["logits", "softmax"])
def test_several_views_are_averaged(average):
    videos = shared_videos()
    views = ViewConfig(SamplingConfig("twice"), crops=3)
    sizes, done = [], []

    def predictor(clips):
        sizes.append(len(clips))
        return _logits(clips)

    found = predict_views(
        predictor,
        videos,
        CONFIG,
        views,
        average=average,
        batch_size=5,
        progress=lambda *counts: done.append(counts),
    )
    # 8 videos of 6 views, five at a time, whatever video they are of.
    assert sizes == [5] * 9 + [3] and done[-1] == (8, 8)
    scores = _logits(_all_views(videos, views)).mean(axis=1).reshape(8, 6, 4)
    expected = softmax(scores.mean(axis=1))
    if average == "softmax":
        expected = softmax(scores).mean(axis=1)
    np.testing.assert_allclose(found.probabilities(), expected, rtol=1e-4)
    np.testing.assert_array_equal(found.labels, videos.labels)


def test_one_view_keeps_the_frames():
    videos = shared_videos()
    found = predict_views(_logits, videos, CONFIG, ViewConfig(), batch_size=3)
    np.testing.assert_allclose(
        found.frame_logits, _logits(_all_views(videos, ViewConfig())), rtol=1e-6
    )


def test_a_mirrored_view_counts_for_the_class_it_shows():
    source = PreparedReader(shared_prepared(), "test")
    views = ViewConfig(crops=10)
    found = predict_views(_logits, source, CONFIG, views)
    scores = _logits(_all_views(source, views)).mean(axis=1).reshape(-1, 10, 4)
    left, right = map(source.label_names.index, ("swipe_left", "swipe_right"))
    swapped = scores[:, 5:].copy()
    swapped[..., [left, right]] = scores[:, 5:][..., [right, left]]
    expected = (scores[:, :5].sum(axis=1) + swapped.sum(axis=1)) / 10
    np.testing.assert_allclose(found.logits(), expected, rtol=1e-5)


def test_refuses():
    videos = shared_videos()
    with pytest.raises(ValueError, match="average.*Received"):
        predict_views(_logits, videos, CONFIG, ViewConfig(), average="max")
    with pytest.raises(ValueError, match="batch_size.*Received: batch_size=0"):
        predict_views(_logits, videos, CONFIG, ViewConfig(), batch_size=0)
    with pytest.raises(ValueError, match=r"\[8, 4, 4\].*Received: \[8, 3\]"):
        predict_views(
            lambda clips: np.zeros((len(clips), 3)),
            videos,
            CONFIG,
            ViewConfig(),
        )
