"""A tiny artifact with most operators that artifacts may have."""

import pathlib

import numpy as np
from tensorflow import keras

from tsm_export.artifact_file import write_artifact
from tsm_export.description import describe
from tsm_export.tflite.conversion import convert
from tsm_export.tflite.export import signature_tensors
from tsm_export.tflite.input_type import with_input_type
from tsm_keras.models.config import VideoClassifierConfig


def write_every_operator(path: pathlib.Path, quantize: str) -> None:
    """Writes the artifact; it has few operators of each of many kinds.

    Args:
        path: The `.tflite` file to write.
        quantize: The quantization, as in `convert`.
    """
    network = _network()
    rng = np.random.default_rng(0)
    feeds = [
        {
            name: 100 * rng.normal(size=tensor.shape).astype(np.float32)
            for name, tensor in network.input.items()
        }
        for _ in range(3)
    ]
    content = convert(network, quantize=quantize, calibration=feeds)
    if quantize in ("none", "int8"):
        content = with_input_type(content, "frame", "uint8")
    config = VideoClassifierConfig(
        num_classes=5, labels=tuple("abcde"), image_size=32
    )
    spec = describe(
        *signature_tensors(content),
        config,
        kind="stream",
        quantization=quantize,
    )
    write_artifact(path, content, spec)


def _network():
    layers, ops = keras.layers, keras.ops
    keras.utils.set_random_seed(0)
    frame = keras.Input((32, 32, 3), batch_size=1, name="frame")
    cache = keras.Input((8, 8, 2), batch_size=1, name="cache_00")
    x = layers.ZeroPadding2D(1)(frame * 0.01 - 0.5)
    x = layers.Conv2D(8, 3, strides=4)(x)
    fresh = x[..., :2]
    x = layers.Concatenate()([cache, x[..., 2:]])
    x = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.MaxPooling2D(2)(x)
    x = layers.ReLU()(layers.Conv2D(8, 1, strides=2)(x))
    rows = ops.reshape(x, (1, 4, 8))
    weights = ops.softmax(ops.matmul(rows, ops.transpose(rows, (0, 2, 1))))
    x = x + ops.reshape(ops.matmul(weights, rows), (1, 2, 2, 8))
    x = layers.AveragePooling2D(2)(x) + ops.mean(x, (1, 2), keepdims=True)
    logits = layers.Dense(5)(layers.Flatten()(x))
    return keras.Model(
        {"frame": frame, "cache_00": cache},
        {"logits": logits, "cache_00_out": fresh},
    )
