"""Upsample: doubles the height and width of features."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class Upsample(keras.layers.Layer):
    """Doubles the height and width of features; each value appears four times.

    It is `UpSampling2D(2)` as one operation of TFLite. In Keras 3 that layer
    becomes several, one of which has a fifth axis.

    Example:
    >>> Upsample()(tf.constant([[[[1.0], [2.0]]]])).numpy()[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)

    Input shape: `[N, H, W, C]`, any float dtype, with known H and W.
    Output shape: `[N, 2 H, 2 W, C]`.
    """

    def call(self, inputs):
        _, height, width, _ = inputs.shape

        # XLA has no gradient of this operation.
        @tf.custom_gradient
        def doubled(x):
            larger = tf.image.resize(x, (2 * height, 2 * width), "nearest")
            return (
                larger,
                lambda upstream: 4 * tf.nn.avg_pool2d(upstream, 2, 2, "VALID"),
            )

        return doubled(inputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)
