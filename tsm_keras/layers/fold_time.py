"""FoldTime: turns the frames of all clips into one batch of images."""

import tensorflow as tf
from tensorflow import keras


@keras.utils.register_keras_serializable(package="tsm_keras")
class FoldTime(keras.layers.Layer):
    """Folds time into the batch, so that a 2-D network sees single frames.

    Example:
    >>> FoldTime()(tf.zeros([2, 8, 224, 224, 3])).shape
    TensorShape([16, 224, 224, 3])

    Input shape: `[B, T, ...]`, any dtype.
    Output shape: `[B * T, ...]`; the frames of a clip stay adjacent.
    """

    def call(self, inputs):
        return fold_time(inputs)

    def compute_output_shape(self, input_shape):
        batch, time, *rest = input_shape
        known = batch is not None and time is not None
        return (batch * time if known else None, *rest)


def fold_time(clips: tf.Tensor) -> tf.Tensor:
    """Reshapes `[B, T, ...]` to `[B * T, ...]`."""
    return reshape_leading(clips, replaced_axes=2, leading=[-1])


def reshape_leading(
    tensor: tf.Tensor, replaced_axes: int, leading: list[int]
) -> tf.Tensor:
    """Replaces the first axes of a tensor by axes of the sizes `leading`.

    Sizes that are known stay constants: TFLite converts a reshape to a shape
    that is computed at run time into more than one operation.
    """
    rest = list(tensor.shape[replaced_axes:])
    if None in rest:
        sizes = tf.shape(tensor)
        rest = [
            sizes[replaced_axes + axis] if size is None else size
            for axis, size in enumerate(rest)
        ]
    return tf.reshape(tensor, [*leading, *rest])
