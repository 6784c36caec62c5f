"""Colour operations that change all frames of a clip in the same way.

All functions take and return `[T, H, W, 3]` float32 RGB in 0..255. Statistics
such as the mean or the histogram are those of the whole clip: statistics of
single frames would make the clip flicker, which looks like motion.
"""

import tensorflow as tf

# Weights of ITU-R BT.601, which PIL and torchvision use for grey as well.
_GREY = (0.299, 0.587, 0.114)


def color_jitter(
    clip: tf.Tensor,
    seed: tf.Tensor,
    *,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
) -> tf.Tensor:
    """Changes brightness, contrast, saturation and hue, in this order.

    Args:
        clip: `[T, H, W, 3]` float32 RGB in 0..255.
        seed: `[2]` integers.
        brightness: Largest difference of the brightness factor from 1. The
            factor is uniform and at least 0.
        contrast: Largest difference of the contrast factor from 1.
        saturation: Largest difference of the saturation factor from 1.
        hue: Largest turn of the hue, as a share of the colour circle, in
            [0, 0.5].
    """
    uniform = tf.random.stateless_uniform([4], seed, minval=-1.0)
    for index, strength, change in (
        (0, brightness, adjust_brightness),
        (1, contrast, adjust_contrast),
        (2, saturation, adjust_saturation),
    ):
        if strength:
            factor = tf.maximum(1 + strength * uniform[index], 0.0)
            clip = change(clip, factor)
    if hue:
        clip = tf.image.adjust_hue(clip / 255, hue * uniform[3]) * 255
    return clip


def adjust_brightness(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Interpolates from black (factor 0) to the clip (factor 1) and beyond."""
    return _clip(clip * factor)


def adjust_contrast(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Interpolates from the mean grey (factor 0) to the clip (factor 1)."""
    return _mix(tf.reduce_mean(_grey(clip)), clip, factor)


def adjust_saturation(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Interpolates from the grey clip (factor 0) to the clip (factor 1)."""
    return _mix(_grey(clip), clip, factor)


def adjust_sharpness(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Interpolates from the smoothed clip (factor 0) to the clip (factor 1)."""
    weights = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13
    kernel = tf.tile(weights[..., None, None], [1, 1, 3, 1])
    padded = tf.pad(clip, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    smooth = tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")
    return _mix(smooth, clip, factor)


def posterize(clip: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Keeps only the highest `bits` bits (1 to 8) of each 8-bit value."""
    step = tf.cast(2 ** (8 - bits), tf.float32)
    return tf.floor(clip / step) * step


def solarize(clip: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Inverts all values that are at least the threshold."""
    return tf.where(clip < threshold, clip, 255 - clip)


def autocontrast(clip: tf.Tensor) -> tf.Tensor:
    """Stretches the values of each channel to the range 0..255."""
    low = tf.reduce_min(clip, [0, 1, 2])
    spread = tf.reduce_max(clip, [0, 1, 2]) - low
    stretched = (clip - low) * 255 / tf.maximum(spread, 1e-6)
    return tf.where(spread > 0, stretched, clip)


def equalize(clip: tf.Tensor) -> tf.Tensor:
    """Makes the histogram of each channel as uniform as possible."""
    return tf.stack(
        [_equalize_channel(channel) for channel in tf.unstack(clip, axis=-1)],
        axis=-1,
    )


def _equalize_channel(values):
    values = tf.cast(tf.round(values), tf.int32)
    counts = tf.math.bincount(
        tf.reshape(values, [-1]), minlength=256, maxlength=256
    )
    below = tf.cumsum(counts, exclusive=True)
    # A value counts half of its own pixels, so that mid grey stays mid grey.
    rank = tf.cast(2 * below + counts, tf.float32) / 2
    total = tf.cast(tf.reduce_sum(counts), tf.float32)
    return tf.gather(255 * rank / total, values)


def _grey(clip):
    return tf.reduce_sum(clip * tf.constant(_GREY), axis=-1, keepdims=True)


def _mix(base, clip, factor):
    return _clip(base + (clip - base) * factor)


def _clip(clip):
    return tf.clip_by_value(clip, 0.0, 255.0)
