"""Networks in the forms that the GPU accelerator computes right.

That the GPU does is in verify/test_checks.py.
"""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow import keras

from tsm_export.tflite import conversion
from tsm_export.tflite.conversion import convert
from tsm_export.tflite.flatbuffer import op_name, unpack

layers = keras.layers


def _strided(image):
    x = layers.Conv2D(6, 1, strides=2, padding="same")(image)
    return layers.Conv2D(5, (1, 1), strides=(2, 1))(x)


def _single_pixel(image):
    x = layers.Conv2D(6, image.shape[1])(image)
    return layers.Add()([x, layers.Conv2D(6, 1)(x)])


def _both(monkeypatch, network, rewrite, quantize="int8", size=9):
    """Returns a converted network, without a rewrite and with it."""
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 4), batch_size=1, name="image")
    model = keras.Model({"image": image}, {"features": network(image)})
    rng = np.random.default_rng(0)
    feeds = [
        {"image": rng.normal(size=(1, size, size, 4)).astype(np.float32)}
        for _ in range(3)
    ]
    options = {"quantize": quantize, "calibration": feeds}
    after = convert(model, **options)
    monkeypatch.setattr(conversion, rewrite, lambda model: None)
    return convert(model, **options), after


def _ops(content):
    model = unpack(content)
    (graph,) = model.subgraphs
    return [op_name(model, operator) for operator in graph.operators]


def _run(content, size=9):
    runner = Interpreter(model_content=content).get_signature_runner()
    rng = np.random.default_rng(1)
    image = rng.integers(-128, 128, (1, size, size, 4)).astype(np.int8)
    return runner(image=image)["features"]


@pytest.mark.parametrize(
    ("network", "rewrite", "expected"),
    [
        (
            _strided,
            "sample_first",
            ["MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D", "CONV_2D"],
        ),
        (_single_pixel, "skip_squeezes", ["CONV_2D", "CONV_2D", "ADD"]),
    ],
)
def test_int8_changes_its_form_and_not_its_numbers(
    monkeypatch, network, rewrite, expected
):
    before, after = _both(monkeypatch, network, rewrite)
    assert _ops(after) == expected != _ops(before)
    np.testing.assert_array_equal(_run(after), _run(before))
    assert len(np.unique(_run(after))) > 4


def test_float32_keeps_its_strides(monkeypatch):
    """The GPU has them right there, and XNNPACK is faster with them."""
    _, after = _both(monkeypatch, _strided, "sample_first", quantize="none")
    assert _ops(after) == ["CONV_2D", "CONV_2D"]


def test_a_squeeze_that_something_else_needs_stays(monkeypatch):
    def network(image):
        x = layers.Conv2D(6, image.shape[1])(image)
        return layers.Dense(3)(layers.Flatten()(x))

    before, after = _both(monkeypatch, network, "skip_squeezes")
    assert _ops(after) == _ops(before)
    np.testing.assert_array_equal(_run(after), _run(before))


def test_a_bias_that_is_added_to_something_else_stays_one(monkeypatch):
    def network(image):
        x = layers.Conv2D(6, image.shape[1])(image)
        return layers.Add()([layers.Flatten()(x), layers.Flatten()(x * 2.0)])

    before, after = _both(monkeypatch, network, "skip_squeezes")
    assert _run(after).shape == _run(before).shape == (1, 6)
    np.testing.assert_array_equal(_run(after), _run(before))


class _BehindConstants(layers.Layer):
    """Puts numbers before the channels, as a shift puts zeros before a clip."""

    def call(self, image):
        numbers = np.random.default_rng(2).normal(size=image.shape)
        constants = tf.constant(numbers.astype(np.float32))
        return tf.concat([constants, image + image], axis=-1)


def test_constants_that_are_concatenated_are_not_float16(monkeypatch):
    before, after = _both(
        monkeypatch, _BehindConstants(), "store_as_float32", "float16"
    )
    assert _ops(before) == ["DEQUANTIZE", "ADD", "CONCATENATION"]
    assert _ops(after) == ["ADD", "CONCATENATION"]
    image = np.random.default_rng(1).normal(size=(1, 9, 9, 4))
    outputs = [
        Interpreter(model_content=content).get_signature_runner()(
            image=image.astype(np.float32)
        )["features"]
        for content in (before, after)
    ]
    np.testing.assert_array_equal(*outputs)


def test_other_constants_stay_float16(monkeypatch):
    before, after = _both(
        monkeypatch, layers.Conv2D(5, 3), "store_as_float32", "float16"
    )
    assert _ops(after) == _ops(before)
    assert "DEQUANTIZE" in _ops(after)
