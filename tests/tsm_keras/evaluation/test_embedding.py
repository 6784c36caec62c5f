"""Features before the classifier, and the map of them."""

import numpy as np
import pytest

from testing.gestures import shared_videos
from testing.models import random_clip_model
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.evaluation.embedding import (
    clip_features,
    draw_embedding,
    neighbours_agree,
    t_sne,
)
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.views import predict_views


@pytest.mark.parametrize(
    "sampling", [SamplingConfig(), SamplingConfig("dense", num_views=2)]
)
def test_the_classifier_turns_the_features_into_the_logits(sampling):
    """The classifier is linear, so means of features give means of logits."""
    model = random_clip_model(image_size=32, num_classes=4)
    views = ViewConfig(sampling)
    reader = VideoReader(shared_videos())
    features = clip_features(model, reader, views, batch_size=3)
    predictions = predict_views(
        KerasPredictor(model), reader, model.video_config, views
    )
    kernel, bias = model.get_layer(
        model.video_config.head.classifier
    ).get_weights()
    expected = predictions.logits()
    found = features.astype(np.float64) @ kernel + bias
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_clips_of_one_kind_are_neighbours():
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 3
    features = (rng.normal(size=(3, 50)) * 9)[labels] + rng.normal(
        size=(24, 50)
    )
    features = features.astype(np.float32)
    assert neighbours_agree(features, labels) == 1
    assert neighbours_agree(features, np.arange(24)) == 0
    positions = t_sne(features)
    assert positions.shape == (24, 2)
    assert neighbours_agree(positions, labels) == 1
    np.testing.assert_array_equal(positions, t_sne(features))
    few, many = (
        draw_embedding(positions, labels, [f"${i}" for i in range(count)])
        for count in (3, 30)
    )
    assert few[:4] == many[:4] == b"\x89PNG" and few != many


def test_too_few_clips_are_refused():
    with pytest.raises(ValueError, match="at least 4 clips. Received: 3"):
        t_sne(np.zeros((3, 5), np.float32))
