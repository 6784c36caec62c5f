"""NonLocalBlock: attention between all positions of a clip."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.batch_normalization import MOMENTUM, BatchNormalization
from tsm_keras.layers.unfold_time import positive_integer


@keras.utils.register_keras_serializable(package="tsm_keras")
class NonLocalBlock(keras.layers.Layer):
    """Adds to each position a weighted mean over all positions of its clip.

    The weights are the softmax of the products of two embeddings, `theta(x)`
    and `phi(x)`: the embedded Gaussian of Wang et al., "Non-local Neural
    Networks", CVPR 2018, section 3.2. Keys and values are sub-sampled by 2x2
    max pooling (section 3.3). The scale of the last batch normalization starts
    at zero, so that a new block changes nothing (section 4.1). The order of the
    layers and their biases are those of the TSM authors' ops/non_local.py, so
    that their weights fit.

    The block looks across the whole clip, so a network that has it cannot
    stream.

    Example:
    >>> frames = tf.random.uniform([2 * 8, 28, 28, 512])  # 2 clips of 8 frames
    >>> NonLocalBlock(num_segments=8)(frames).shape
    TensorShape([16, 28, 28, 512])

    Args:
        num_segments: Frames per clip, T. A positive integer.
        epsilon: The epsilon of the batch normalization.

    Input shape: `[B * T, H, W, C]`, any float dtype; H, W and C are at least
        2, and the frames of a clip are adjacent and in order.
    Output shape: that of the input.

    Raises:
        ValueError: If `num_segments` is not a positive integer, or the input is
            too small to be sub-sampled.
    """

    def __init__(self, num_segments: int, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_segments = positive_integer("num_segments", num_segments)
        self.epsilon = epsilon

    def build(self, input_shape):
        *_, height, width, channels = input_shape
        if min(side for side in (height, width, channels) if side) < 2:
            raise ValueError(
                "Height, width and channels must be at least 2, to be halved. "
                f"Received: input_shape={input_shape}"
            )
        inner = channels // 2
        self.theta = self._embedding("theta", inner)
        self.phi = self._embedding("phi", inner)
        self.g = self._embedding("g", inner)
        self.projection = self._embedding("projection", channels)
        self.batch_norm = BatchNormalization(
            momentum=MOMENTUM,
            epsilon=self.epsilon,
            gamma_initializer="zeros",
            dtype=self.dtype_policy,
            name="batch_norm",
        )
        inside = (*input_shape[:-1], inner)
        for layer in (self.theta, self.phi, self.g):
            layer.build(input_shape)
        self.projection.build(inside)
        self.batch_norm.build(input_shape)
        self.built = True

    # This is a method because Keras would save the layers of a property twice.
    def parts(self) -> list[keras.layers.Layer]:
        """Returns the layers that hold the weights, in their order."""
        return [
            self.theta,
            self.phi,
            self.g,
            self.projection,
            self.batch_norm,
        ]

    def call(self, inputs, training=None):
        queries = self._positions(self.theta(inputs))
        keys = self._positions(_halve(self.phi(inputs)))
        values = self._positions(_halve(self.g(inputs)))
        # The products of embeddings are not scaled down, so float16 overflows.
        scores = tf.matmul(
            tf.cast(queries, tf.float32),
            tf.cast(keys, tf.float32),
            transpose_b=True,
        )
        weights = tf.cast(tf.nn.softmax(scores), values.dtype)
        mean = tf.reshape(
            tf.matmul(weights, values), [-1, *_size(inputs), values.shape[-1]]
        )
        return inputs + self.batch_norm(
            self.projection(mean), training=training
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "epsilon": self.epsilon,
        }

    def _embedding(self, name, filters):
        return keras.layers.Conv2D(
            filters,
            1,
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name=name,
        )

    def _positions(self, frames):
        """Reshapes `[B * T, H, W, C]` to `[B, T * H * W, C]`."""
        height, width = _size(frames)
        positions = self.num_segments * height * width
        return tf.reshape(frames, [-1, positions, frames.shape[-1]])


def _size(frames):
    """Returns height and width, as numbers if they are known."""
    static = frames.shape[1:3]
    return static if None not in static else tf.unstack(tf.shape(frames)[1:3])


def _halve(frames):
    return tf.nn.max_pool2d(frames, ksize=2, strides=2, padding="VALID")
