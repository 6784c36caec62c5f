import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.gestures import shared_videos
from testing.models import random_clips, small_config
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.precision import precision
from tsm_keras.models.presets import load_preset, read_description, save_preset
from tsm_keras.training.fit import TrainingConfig, fit
from tsm_keras.training.optimization.optimizer import build_optimizer
from tsm_keras.training.runs.callbacks import StopAfterEpoch

pytestmark = pytest.mark.usefixtures("resnet10")


@pytest.mark.slow
def test_a_network_learns_eight_videos_by_heart():
    config = small_config("resnet10", num_classes=4)
    keras.utils.set_random_seed(0)
    model = build_clip_model(config)
    data = make_dataset(
        shared_videos(), config, batch_size=4, training=True, cache=True
    )
    recipe = TrainingConfig(epochs=25, learning_rate=5e-3)
    history = fit(model, data, recipe, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@pytest.fixture(scope="module")
def after_an_epoch(resnet10):
    """A model after an epoch with label smoothing; it counts `traced` steps."""
    config = small_config("resnet10", num_segments=2, num_classes=4)
    model = build_clip_model(config)
    model.traced, step = [], model.train_step
    model.train_step = lambda data: model.traced.append(1) or step(data)
    clips = random_clips(config, clips=2)
    data = tf.data.Dataset.from_tensors((clips, np.arange(2)))
    fit(model, data, TrainingConfig(epochs=1, label_smoothing=0.2), verbose=0)
    return model


@pytest.mark.slow
def test_a_step_is_traced_once(after_an_epoch):
    """Keras would trace it twice, which takes seconds before any training."""
    assert len(after_an_epoch.traced) == 1


@pytest.mark.slow
def test_label_smoothing_is_the_mix_with_uniform_labels(after_an_epoch):
    logits = tf.constant([[2.0, 0.0, -1.0, 0.5]])
    found = float(np.mean(after_an_epoch.loss(tf.constant([2]), logits)))
    log_p = np.log(np.exp(logits[0]) / np.exp(logits[0]).sum())
    target = np.full(4, 0.05)
    target[2] += 0.8
    assert found == pytest.approx(-(target * log_p).sum(), rel=1e-5)


@pytest.mark.slow
def test_decay_leaves_normalization_and_biases_alone(after_an_epoch):
    """Without a gradient, a step of AdamW is nothing but the decay."""
    recipe = TrainingConfig(
        epochs=10, optimizer="adamw", weight_decay=0.1, warmup=0.0
    )
    optimizer = build_optimizer(after_an_epoch, recipe, steps_per_epoch=1)
    weights = after_an_epoch.trainable_weights
    before = [np.array(weight) for weight in weights]
    zeros = [tf.zeros(weight.shape) for weight in weights]
    optimizer.apply_gradients(zip(zeros, weights, strict=True))
    for old, weight in zip(before, weights, strict=True):
        if len(weight.shape) > 1:
            assert np.linalg.norm(weight) < np.linalg.norm(old)
        else:
            np.testing.assert_array_equal(weight, old)


@pytest.mark.keras3_only  # tf_keras has no averaged weights.
def test_half_precision_ends_with_the_average_of_its_steps():
    # A CPU takes minutes for convolutions in float16.
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Dense(8, name="stem_dense"),
                keras.layers.Dense(4, name="classifier"),
                keras.layers.Activation("linear", dtype="float32"),
            ]
        )
    finally:
        keras.mixed_precision.set_global_policy("float32")
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(8, 3)).astype(np.float32), np.arange(8) % 4)
    data = tf.data.Dataset.from_tensor_slices(rows).batch(4)
    kernel = model.get_layer("stem_dense").kernel
    steps = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(kernel.numpy())
    )
    start = kernel.numpy()
    config = TrainingConfig(epochs=1, ema=0.75, precision="mixed_float16")
    history = fit(model, data, config, callbacks=[record], verbose=0)
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    assert np.isfinite(history.history["loss"]).all()
    assert kernel.numpy().dtype == np.float32 and len(steps) == 2
    assert not np.array_equal(steps[0], start)
    assert not np.array_equal(steps[1], steps[0])
    # The first average is the first step.
    np.testing.assert_allclose(
        kernel.numpy(), 0.75 * steps[0] + 0.25 * steps[1], rtol=1e-4, atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("built_for", "trained_in"),
    [("float32", "mixed_bfloat16"), ("mixed_bfloat16", "float32")],
)
def test_it_trains_in_the_precision_of_the_recipe(built_for, trained_in):
    config = small_config("resnet10", num_segments=2, num_classes=4)
    with precision(built_for):
        model = build_clip_model(config)
    clips = random_clips(config, clips=2)
    data = tf.data.Dataset.from_tensors((clips, np.arange(2)))
    before = model.get_layer("classifier").get_weights()[0]
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(
            [
                watch.model.get_layer("stem_conv").compute_dtype,
                watch.model.get_weights(),
            ]
        )
    )
    recipe = TrainingConfig(epochs=1, precision=trained_in)
    fit(model, data, recipe, callbacks=[watch], verbose=0)
    ((dtype, weights),) = seen
    assert dtype == trained_in.removeprefix("mixed_")
    # The weights are those of the user's model in the end, all in float32.
    for found, expected in zip(model.get_weights(), weights, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    after = model.get_layer("classifier").get_weights()[0]
    assert not np.array_equal(after, before)
    stem = model.get_layer("stem_conv")
    assert stem.compute_dtype == built_for.removeprefix("mixed_")
    assert keras.mixed_precision.global_policy().name == "float32"


def test_a_model_that_cannot_be_rebuilt_keeps_its_precision():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, name="classifier")]
    )
    config = TrainingConfig(precision="mixed_bfloat16")
    data = tf.data.Dataset.from_tensors((np.zeros((2, 3)), np.arange(2)))
    with pytest.raises(ValueError, match="`precision` must be that of the mod"):
        fit(model, data, config, verbose=0)


@pytest.mark.slow
def test_training_drops_ranges_that_no_longer_hold(tmp_path):
    config = small_config("resnet10", num_segments=2, num_classes=4)
    model = build_clip_model(config)
    model.activation_ranges = {"pool": (0.0, 6.0)}
    path = save_preset(model, tmp_path / "quantized")
    model = load_preset(path)
    assert model.activation_ranges == {"pool": [0.0, 6.0]}
    clips = np.zeros((2, 2, 32, 32, 3), np.float32)
    data = tf.data.Dataset.from_tensors((clips, np.arange(2)))
    fit(model, data, TrainingConfig(epochs=1), verbose=0)
    path = save_preset(model, tmp_path / "trained")
    assert "activation_ranges" not in read_description(path)


def test_signals_mean_what_they_did_after_an_error():
    before = {x: signal.getsignal(x) for x in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(ValueError, match="of fit"), StopAfterEpoch() as stop:
        assert signal.getsignal(signal.SIGTERM) == stop._receive
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received == signal.SIGTERM
        raise ValueError("of fit")
    assert {x: signal.getsignal(x) for x in before} == before


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
