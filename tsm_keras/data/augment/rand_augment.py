"""RandAugment for clips (Cubuk et al., 2020), safe for classes of motion.

A few operations are drawn from a table once per clip, all with one strength. No
operation mirrors the clip, changes its time or differs between frames. Frames
are rotated by at most 15 degrees and translated by at most a tenth of their
size, so the directions of motion stay what they are.
"""

import functools
import math

import tensorflow as tf

from tsm_keras.data.augment import color

MAX_MAGNITUDE = 10


def rand_augment(
    clip: tf.Tensor, seed: tf.Tensor, *, num_ops: int, magnitude: float
) -> tf.Tensor:
    """Applies operations drawn from the table, with replacement.

    Args:
        clip: `[T, H, W, 3]` float32 RGB in 0..255.
        seed: `[2]` integers.
        num_ops: The number of operations to draw.
        magnitude: Strength of the operations, 0 to 10. If an operation has two
            directions, one is drawn at random.
    """
    strength = magnitude / MAX_MAGNITUDE
    numbers = tf.random.stateless_uniform(
        [num_ops], seed, maxval=len(OPERATIONS), dtype=tf.int32
    )
    coins = tf.random.stateless_uniform([num_ops], tf.random.fold_in(seed, 1))
    signed = tf.where(coins < 0.5, -strength, strength)
    for index in range(num_ops):
        clip = tf.switch_case(
            numbers[index],
            [
                functools.partial(operation, clip, signed[index])
                for operation in OPERATIONS.values()
            ],
        )
    return clip


def _affine(matrix):
    """Makes an operation that moves pixels by an affine map.

    `matrix(amount, height, width)` returns the six numbers of the map from a
    position (x, y, 1) of the output, relative to the centre, to the input.
    """

    def operation(clip, amount):
        shape = tf.shape(clip)[1:3]
        height, width = tf.unstack(tf.cast(shape, tf.float32))
        a, b, c, d, e, f = matrix(amount, height, width)
        x, y = (width - 1) / 2, (height - 1) / 2
        row = [a, b, c + x - a * x - b * y, d, e, f + y - d * x - e * y, 0, 0]
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=clip,
            transforms=[[tf.cast(value, tf.float32) for value in row]],
            output_shape=shape,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
            fill_value=0.0,
        )
        return tf.ensure_shape(moved, clip.shape)

    return operation


def _rotation(amount, height, width):
    angle = amount * math.radians(15)
    return tf.cos(angle), -tf.sin(angle), 0, tf.sin(angle), tf.cos(angle), 0


# Each name with `operation(clip, amount)`, whose amount is in [-1, 1].
OPERATIONS = {
    "identity": lambda clip, amount: clip,
    "autocontrast": lambda clip, amount: color.autocontrast(clip),
    "equalize": lambda clip, amount: color.equalize(clip),
    "posterize": lambda clip, amount: color.posterize(
        clip, 8 - tf.cast(4 * tf.abs(amount), tf.int32)
    ),
    "solarize": lambda clip, amount: color.solarize(
        clip, 256 * (1 - tf.abs(amount))
    ),
    "brightness": lambda clip, amount: color.adjust_brightness(
        clip, 1 + 0.9 * amount
    ),
    "contrast": lambda clip, amount: color.adjust_contrast(
        clip, 1 + 0.9 * amount
    ),
    "saturation": lambda clip, amount: color.adjust_saturation(
        clip, 1 + 0.9 * amount
    ),
    "sharpness": lambda clip, amount: color.adjust_sharpness(
        clip, 1 + 0.9 * amount
    ),
    "rotate": _affine(_rotation),
    "shear_x": _affine(lambda amount, h, w: (1, 0.2 * amount, 0, 0, 1, 0)),
    "shear_y": _affine(lambda amount, h, w: (1, 0, 0, 0.2 * amount, 1, 0)),
    "translate_x": _affine(
        lambda amount, h, w: (1, 0, 0.1 * w * amount, 0, 1, 0)
    ),
    "translate_y": _affine(
        lambda amount, h, w: (1, 0, 0, 0, 1, 0.1 * h * amount)
    ),
}
