"""run_layer_test: checks what every public layer must be able to do."""

import json

import numpy as np
import tensorflow as tf
from tensorflow import keras


def run_layer_test(
    layer_class,
    arguments,
    inputs,
    expected_shape,
    *,
    expected_weights=0,
    expected_trainable_weights=0,
):
    """Checks everything that Keras expects of a layer.

    It checks the round trip of the config, eager and symbolic calls,
    `compute_output_shape`, one training step through the layer, and mixed
    precision.

    Args:
        layer_class: The class of the layer.
        arguments: The arguments of its constructor; each must reappear in its
            config.
        inputs: A float32 array, or a tuple of them for a layer with several
            inputs. The first axis is the batch.
        expected_shape: The shape of the output, or a tuple of shapes.
        expected_weights: The number of weights.
        expected_trainable_weights: The number of weights that are trained.

    Returns:
        The eager output as NumPy, or a tuple of them.
    """
    _check_config(layer_class, arguments)
    layer = layer_class(**arguments)
    eager = _numpy(layer(_tensors(inputs)))
    assert _shapes(eager) == expected_shape
    assert len(layer.weights) == expected_weights
    assert len(layer.trainable_weights) == expected_trainable_weights
    static = layer.compute_output_shape(_shapes(inputs))
    assert _as_tuples(static) == expected_shape
    _check_symbolic(layer, inputs, eager)
    _check_fit(layer_class, arguments, inputs)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        _check_mixed_precision(layer_class, arguments, inputs, policy)
    return eager


def _check_config(layer_class, arguments):
    layer = layer_class(**arguments, name="the_layer")
    config = layer.get_config()
    assert config["name"] == "the_layer"
    for name, value in arguments.items():
        assert config[name] == value, name
        assert getattr(layer, name) == value, name
    assert layer_class.from_config(config).get_config() == config
    written = json.loads(json.dumps(keras.layers.serialize(layer)))
    revived = keras.layers.deserialize(written)
    assert type(revived) is layer_class
    assert revived.get_config() == config


def _check_symbolic(layer, inputs, eager):
    symbolic_inputs = _map(
        lambda array: keras.Input(array.shape[1:], dtype="float32"), inputs
    )
    symbolic = layer(symbolic_inputs)
    computed = layer.compute_output_shape(
        _map(lambda array: (None, *array.shape[1:]), inputs)
    )
    assert _shapes(symbolic) == _as_tuples(computed)
    model = keras.Model(symbolic_inputs, symbolic)
    for actual, expected in zip(
        _flat(_numpy(model(_tensors(inputs)))), _flat(eager), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)


def _check_fit(layer_class, arguments, inputs):
    """Checks that one step changes weights in front of the layer."""
    symbolic_inputs, dense_layers, features = [], [], []
    for array in _flat(inputs):
        symbolic = keras.Input(array.shape[1:])
        dense = keras.layers.Dense(array.shape[-1])
        symbolic_inputs.append(symbolic)
        dense_layers.append(dense)
        features.append(dense(symbolic))
    outputs = layer_class(**arguments)(
        tuple(features) if isinstance(inputs, tuple) else features[0]
    )
    model = keras.Model(symbolic_inputs, list(_flat(outputs)))
    model.compile(
        optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False
    )
    before = [dense.get_weights()[0] for dense in dense_layers]
    predictions = model([tf.constant(array) for array in _flat(inputs)])
    # A data set is used, because the output may have another batch size.
    targets = tuple(tf.ones_like(array) for array in _flat(predictions))
    examples = (tuple(_flat(inputs)), targets)
    step = tf.data.Dataset.from_tensors(examples)
    history = model.fit(step, epochs=1, verbose=0, shuffle=False)
    assert np.isfinite(history.history["loss"][0])
    for dense, old in zip(dense_layers, before, strict=True):
        assert not np.array_equal(dense.get_weights()[0], old)


def _check_mixed_precision(layer_class, arguments, inputs, policy):
    layer = layer_class(**arguments, dtype=keras.mixed_precision.Policy(policy))
    expected = _shapes(layer_class(**arguments)(_tensors(inputs)))
    outputs = layer(_tensors(inputs), training=True)
    assert _shapes(outputs) == expected
    for output in _flat(outputs):
        assert tf.as_dtype(output.dtype).name == policy[len("mixed_") :]
        assert np.isfinite(tf.cast(output, tf.float32).numpy()).all()
    for weight in layer.weights:
        assert tf.as_dtype(weight.dtype) == tf.float32


def _map(function, structure):
    if isinstance(structure, tuple):
        return tuple(function(item) for item in structure)
    return function(structure)


def _flat(structure):
    return structure if isinstance(structure, (tuple, list)) else (structure,)


def _tensors(inputs):
    return _map(tf.constant, inputs)


def _numpy(outputs):
    if isinstance(outputs, (tuple, list)):
        return tuple(output.numpy() for output in outputs)
    return outputs.numpy()


def _shapes(tensors):
    if isinstance(tensors, (tuple, list)):
        return tuple(tuple(tensor.shape) for tensor in tensors)
    return tuple(tensors.shape)


def _as_tuples(shapes):
    """Converts shapes to tuples, because tf_keras returns `TensorShape`s."""
    if shapes and isinstance(shapes[0], (tuple, list, tf.TensorShape)):
        return tuple(tuple(shape) for shape in shapes)
    return tuple(shapes)
