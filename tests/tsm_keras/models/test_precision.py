"""Mixed precision, set in the process, changes training and nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.models import random_clips, randomize, small_config
from tsm_keras.models.clip import build_clip_model, to_single_clip
from tsm_keras.models.precision import precision
from tsm_keras.models.presets import load_preset, preset_hash, save_preset
from tsm_keras.models.streaming_classifier import StreamingClassifier
from tsm_keras.models.weights import rebuild

CONFIG = small_config(width=0.1, image_size=32, num_segments=2)

# A CPU takes minutes for convolutions in float16: what is built in it is not
# run.
mixed = pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])


@pytest.fixture(scope="module")
def model():
    model = build_clip_model(CONFIG)
    randomize(model, seed=5)
    return model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    return save_preset(model, tmp_path_factory.mktemp("saved") / "preset")


def expect_float32(model):
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {tensor.dtype for tensor in model.outputs} <= {"float32", tf.float32}


def test_the_policy_of_the_process_comes_back():
    before = keras.mixed_precision.global_policy().name
    with pytest.raises(OSError), precision("mixed_bfloat16"):
        assert keras.layers.ReLU().compute_dtype == "bfloat16"
        raise OSError
    assert keras.mixed_precision.global_policy().name == before


@mixed
def test_presets_are_float32(model, saved, tmp_path, policy):
    clips = random_clips(CONFIG)
    with precision(policy):
        loaded = load_preset(saved)
        trained = rebuild(model, CONFIG, build_clip_model)
        path = save_preset(trained, tmp_path / "preset")
    assert trained.get_layer("stem_conv").compute_dtype != "float32"
    expect_float32(loaded)
    np.testing.assert_array_equal(
        loaded(clips, training=False), model(clips, training=False)
    )
    assert preset_hash(path) == preset_hash(saved)


@mixed
def test_streams_and_single_clips_are_float32(model, policy):
    clip = random_clips(CONFIG)[0]
    plain = StreamingClassifier(model)
    expected = [plain.step(frame[None]) for frame in clip]
    with precision(policy):
        trained = rebuild(model, CONFIG, build_clip_model)
        stream = StreamingClassifier(trained)
        found = [stream.step(frame[None]) for frame in clip]
        single = to_single_clip(trained)
    np.testing.assert_array_equal(found, expected)
    expect_float32(single)
    np.testing.assert_array_equal(
        single({"clip": clip})["logits"],
        to_single_clip(model)({"clip": clip})["logits"],
    )


def test_logits_are_not_rounded_to_16_bits(model):
    with precision("mixed_bfloat16"):
        network = build_clip_model(CONFIG, return_frame_logits=True)
    randomize(network, seed=5)
    outputs = network(random_clips(CONFIG), training=False)
    for name, logits in outputs.items():
        assert logits.dtype == tf.float32
        rounded = tf.cast(tf.cast(logits, tf.bfloat16), tf.float32)
        assert np.abs(logits - rounded).max() > 0, name
