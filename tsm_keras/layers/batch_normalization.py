"""BatchNormalization that trains with TensorFlow's fused kernel."""

import tensorflow as tf
from tensorflow import keras

from tsm_keras.keras_version import KERAS_3

MOMENTUM = 0.9  # Of all our networks. PyTorch calls the same momentum 0.1.
_FUSED_DTYPES = (tf.float16, tf.bfloat16, tf.float32)

if KERAS_3:

    @keras.utils.register_keras_serializable(package="tsm_keras")
    class BatchNormalization(keras.layers.BatchNormalization):
        """`keras.layers.BatchNormalization`, fused in training.

        It has the arguments, weights, names and inference of the layer of
        Keras 3. That layer computes the training statistics by single
        operations, with which a depthwise network trains about half as fast.
        As in tf_keras and PyTorch, the moving variance averages the unbiased
        batch variance (times n / (n - 1)); the layer of Keras 3 averages the
        biased one.

        Input shape: `[B, H, W, C]` for the fused kernel. Any other shape, a
            mask, float64, another axis, renormalization or synchronization is
            computed as in Keras 3.
        Output shape: that of the input.
        """

        def call(self, inputs, training=None, mask=None):
            fused = (
                training
                and self.trainable
                and mask is None
                and len(inputs.shape) == 4
                and tf.as_dtype(inputs.dtype) in _FUSED_DTYPES
                and self.axis in (-1, 3)
                and self.scale
                and self.center
                and not self.synchronized
                and not getattr(self, "renorm", False)
            )
            if not fused:
                return super().call(inputs, training=training, mask=mask)
            outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=tf.cast(self.gamma, tf.float32),
                offset=tf.cast(self.beta, tf.float32),
                mean=tf.constant([], tf.float32),
                variance=tf.constant([], tf.float32),
                epsilon=self.epsilon,
                is_training=True,
            )
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
            return outputs

        def _move(self, moving, batch):
            kept = tf.convert_to_tensor(moving) * self.momentum
            moving.assign(kept + batch * (1.0 - self.momentum))

else:
    # The layer of tf_keras uses the fused kernel already, and
    # quantization-aware training knows that class only.
    BatchNormalization = keras.layers.BatchNormalization  # type: ignore[misc]
