import json
import re
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.models import random_clip_model, randomize
from tsm_keras.layers.hard_sigmoid import HardSigmoid
from tsm_keras.layers.pixel_normalization import PixelNormalization
from tsm_keras.models.presets import (
    CONFIG_FILE,
    PresetError,
    load_preset,
    read_description,
    save_preset,
)
from tsm_keras.models.quantization.quantization_aware import (
    activation_ranges,
    copy_float_weights,
    quantization_aware,
    set_activation_ranges,
)
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.fit_quantization_aware import fit_quantization_aware
from tsm_keras.training.optimization.freezing import freeze
from tsm_keras.training.optimization.optimizer import per_variable

RANGES = {"stage_01_block_00_project_bn": [-2.5, 3.0], "pool": [0.0, 6.0]}


def _network():
    """Every pattern of the backbones: depthwise, ReLU6, Add, Add and ReLU."""
    layers = keras.layers
    image = keras.Input((8, 8, 3), batch_size=1, name="image")
    x = PixelNormalization([100.0] * 3, [50.0] * 3, name="normalize")(image)
    x = layers.Conv2D(8, 3, use_bias=False, padding="same", name="conv")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = skip = layers.ReLU(6.0, name="relu6")(x)
    x = layers.DepthwiseConv2D(
        3, use_bias=False, padding="same", name="depthwise"
    )(x)
    x = layers.BatchNormalization(name="depthwise_bn")(x)
    x = layers.Add(name="add")([skip, x])
    x = layers.ReLU(name="out")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = {"logits": layers.Dense(4, name="classifier")(x)}
    network = keras.Model({"image": image}, outputs)
    randomize(network, seed=0)
    return network


def _image(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (1, 8, 8, 3))
    return {"image": tf.constant(pixels, tf.float32)}


@pytest.mark.tf_keras_only
def test_only_what_is_one_operation_is_rounded_once():
    ranges = activation_ranges(quantization_aware(_network()))
    assert set(ranges) == {
        "relu6",
        "depthwise_bn",
        "out",
        "pool",
        "classifier",
    }


@pytest.mark.tf_keras_only
def test_it_computes_what_the_network_computes_in_steps():
    network = _network()
    rounding = quantization_aware(network)
    ranges = {name: (-30.0, 30.0) for name in activation_ranges(rounding)}
    set_activation_ranges(rounding, ranges)
    expected = network(_image(), training=False)["logits"].numpy()
    found = rounding(_image(), training=False)["logits"].numpy()
    step = 60 / 255
    np.testing.assert_allclose(found, expected, atol=3 * step)
    np.testing.assert_allclose(found / step, np.round(found / step), atol=1e-3)
    assert np.abs(found - expected).max() > 1e-3


@pytest.mark.tf_keras_only
@pytest.mark.parametrize("name", ["conv", "depthwise"])
def test_kernels_are_rounded_channel_by_channel(name):
    """One channel a thousand times smaller keeps its 8 bits."""
    network = _network()
    layer = network.get_layer(name)
    (kernel,) = layer.get_weights()
    channel = (..., 1, slice(None)) if name == "depthwise" else (..., 1)
    kernel[channel] /= 1000
    layer.set_weights([kernel])
    rounding = quantization_aware(network)
    ((weight, quantizer, limits),) = rounding.get_layer(
        f"quant_{name}"
    )._weight_vars
    rounded = quantizer(weight, False, weights=limits).numpy()
    step = np.abs(kernel[channel]).max() / 127
    np.testing.assert_allclose(
        rounded[channel], kernel[channel], atol=0.51 * step
    )


@pytest.mark.tf_keras_only
def test_float_weights_go_there_and_back():
    network, other = _network(), _network()
    rounding = quantization_aware(network)
    randomize(other, seed=1)
    copy_float_weights(other, rounding)
    copy_float_weights(rounding, network)
    for found, expected in zip(
        network.get_weights(), other.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.tf_keras_only
def test_ranges_of_another_network_are_refused():
    rounding = quantization_aware(_network())
    with pytest.raises(ValueError, match="none for 4 layers.*'classifier'"):
        set_activation_ranges(rounding, {"pool": (0.0, 6.0)})


@pytest.mark.keras3_only  # The reason of the refusal.
def test_keras_3_is_refused_with_what_to_do():
    with pytest.raises(ImportError, match="tsm train --qat"):
        quantization_aware(random_clip_model())


@pytest.mark.tf_keras_only
def test_a_missing_tfmot_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_model_optimization", None)
    with pytest.raises(ImportError, match=r'pip install "tsm-keras\[qat\]"'):
        quantization_aware(_network())


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A preset whose ranges are `RANGES`, and the network in it."""
    shared = random_clip_model()
    model = keras.Model(shared.inputs[0], shared.output["logits"])
    model.video_config = shared.video_config
    model.activation_ranges = RANGES
    return save_preset(model, tmp_path_factory.mktemp("x") / "preset"), model


def test_ranges_live_in_the_preset_and_the_network_is_a_float_one(preset):
    path, model = preset
    loaded = load_preset(path)
    assert loaded.activation_ranges == RANGES
    clip = np.zeros((1, *model.inputs[0].shape[1:]), np.float32)
    np.testing.assert_allclose(loaded(clip), model(clip), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("limits", [[1.0, 2.0], [-1.0], "ab", [0.0, 0.0]])
def test_a_preset_with_damaged_ranges_is_refused(preset, tmp_path, limits):
    path = shutil.copytree(preset[0], tmp_path / "preset")
    description = json.loads((path / CONFIG_FILE).read_text())
    description["activation_ranges"]["pool"] = limits
    (path / CONFIG_FILE).write_text(json.dumps(description))
    with pytest.raises(PresetError, match="cannot be read"):
        read_description(path)


@pytest.mark.tf_keras_only
@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet18"])
def test_training_treats_its_layers_as_those_of_the_network(backbone):
    model = random_clip_model(backbone)
    config = TrainingConfig(
        optimizer="sgd",
        weight_decay=1e-4,
        bias_rate=2.0,
        classifier_rate=5.0,
    )
    expected = _rules(model, config)
    assert _rules(quantization_aware(model), config) == expected
    assert len(set(expected.values())) == 4


@pytest.mark.tf_keras_only
@pytest.mark.parametrize(
    "field",
    [
        {"frozen_stages": 1},
        {"batch_norm": "partial"},
        {"precision": "mixed_bfloat16"},
    ],
)
def test_nothing_can_be_frozen_or_in_mixed_precision(field):
    config = TrainingConfig(**field)
    with pytest.raises(ValueError, match=f"`{next(iter(field))}` must be"):
        fit_quantization_aware(random_clip_model(), None, config)


def _rules(model, config):
    """Returns the rule of each trainable weight, by the weight's name."""
    freeze(model, config)
    weights = [re.sub("quant_", "", x.name) for x in model.trainable_weights]
    rules = per_variable(model, config, steps_per_epoch=1)
    return dict(zip(weights, rules, strict=True))


@pytest.mark.tf_keras_only
def test_what_tfmot_cannot_round_is_refused():
    x = keras.Input((4,), batch_size=1, name="x")
    gate = HardSigmoid(name="gate")(x)
    network = keras.Model({"x": x}, {"logits": keras.layers.Dense(2)(gate)})
    with pytest.raises(ValueError, match="MobileNetV3: .*=int8.*HardSigmoid"):
        quantization_aware(network)
