"""HardSigmoid: a sigmoid made of three straight lines."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class HardSigmoid(keras.layers.Layer):
    """Computes `relu6(x + 3) / 6`, as in MobileNetV3 (section 5.2).

    `keras.activations.hard_sigmoid` is this function in Keras 3 and another
    one in tf_keras. TFLite makes one operation, HARD_SWISH, of a product of
    `x` and this layer's output.

    Example:
    >>> HardSigmoid()(tf.constant([-4.0, 0.0, 1.5, 4.0]))
    <tf.Tensor: ... numpy=array([0.  , 0.5 , 0.75, 1.  ], dtype=float32)>

    Input shape: any.
    Output shape: that of the input.
    """

    def call(self, inputs):
        return tf.nn.relu6(inputs + 3.0) * (1.0 / 6.0)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
