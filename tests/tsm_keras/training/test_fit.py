import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.gestures import shared_videos
from testing.models import small_config
from tsm_keras.data.dataset import make_dataset
from tsm_keras.models.clip import build_clip_model
from tsm_keras.training.fit import TrainingConfig, fit


def _train(recipe, seed=0):
    config = small_config(image_size=32, num_classes=4)
    keras.utils.set_random_seed(seed)
    model = build_clip_model(config)
    data = make_dataset(
        shared_videos(), config, batch_size=4, training=True, cache=True
    )
    history = fit(model, data, recipe, verbose=0)
    return model, history.history


def test_a_network_learns_eight_videos_by_heart():
    _, history = _train(TrainingConfig(epochs=25, learning_rate=5e-3))
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_label_smoothing_is_the_mix_with_uniform_labels():
    recipe = TrainingConfig(epochs=1, label_smoothing=0.2)
    model, _ = _train(recipe)
    logits = tf.constant([[2.0, 0.0, -1.0, 0.5]])
    found = float(np.mean(model.loss(tf.constant([2]), logits)))
    log_p = np.log(np.exp(logits[0]) / np.exp(logits[0]).sum())
    target = np.full(4, 0.05)
    target[2] += 0.8
    assert found == pytest.approx(-(target * log_p).sum(), rel=1e-5)


def test_decay_leaves_normalization_and_biases_alone():
    model, _ = _train(TrainingConfig(epochs=1))
    for layer in model.layers:
        for weight in layer.trainable_weights:
            kernel = len(weight.shape) > 1
            assert bool(model.optimizer._use_weight_decay(weight)) == kernel


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"weight_decay": -1.0},
        {"label_smoothing": 1.0},
        {"seed": -1},
    ],
)
def test_impossible_settings_are_refused(fields):
    (name, value) = next(iter(fields.items()))
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        TrainingConfig(**fields)
