"""ShiftStart: initializes a temporal convolution so that it shifts."""

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.channelwise_convolution import frame_offsets


@keras.utils.register_keras_serializable(package="tsm_keras")
class ShiftStart(keras.initializers.Initializer):
    """Initializes temporal kernels so that they sum up neighbouring frames.

    In the first fold of the channels, the weights of the nearest earlier
    frames are 1; in the second fold those of the later frames; in all other
    channels that of the present frame. All other weights are zero. With a
    kernel of 3 frames this is the shift of TSM with its directions swapped.
    A fold without such frames starts like the other channels. See Shan et al.,
    "MixTConv: Mixed Temporal Convolutional Kernels for Efficient Action
    Recogntion", 2020, and the authors' code (ops/operations.py, `weight_init`).

    Example:
    >>> ShiftStart(shift_div=4)((3, 1, 1, 4))[:, 0, 0].T
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.],
           [0., 1., 0.]], dtype=float32)

    Args:
        shift_div: The number of channels is divided by this to give the size of
            a fold. A fold may be empty.
        causal: Whether the kernel covers no later frames. It then covers
            `frames - 1` earlier ones, of which the nearest half starts at 1.
    """

    def __init__(self, shift_div: int = 8, *, causal: bool = False):
        self.shift_div = shift_div
        self.causal = causal

    def __call__(self, shape, dtype=None, **_):
        frames, *_, channels = shape
        offsets = frame_offsets(frames, causal=self.causal)
        reach, fold = (frames - 1) // 2, channels // self.shift_div
        kernel = np.zeros(shape)
        folds = slice(0, fold), slice(fold, 2 * fold), slice(2 * fold, None)
        for index, offset in enumerate(offsets):
            kernel[index, ..., folds[0]] = 0 < offset <= reach
            kernel[index, ..., folds[1]] = offset < 0
            kernel[index, ..., folds[2]] = offset == 0
        present = offsets.index(0)
        is_empty = kernel.sum(axis=tuple(range(kernel.ndim - 1))) == 0
        kernel[present, ..., is_empty] = 1
        return tf.constant(kernel, dtype or keras.backend.floatx())

    def get_config(self):
        return {"shift_div": self.shift_div, "causal": self.causal}
