"""Colour operations on clips, the same for every frame.

All take and give `[T, H, W, 3]` float32 RGB in 0..255. What an operation needs
to know of the picture (its mean, its histogram) it takes from the whole clip:
frame by frame it would flicker, and flicker looks like motion.
"""

import tensorflow as tf

# ITU-R BT.601, as PIL and torchvision turn colour into grey.
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
        seed: Of the draw, two integers.
        brightness: At most how far the factor is from 1 (uniform, at least 0).
        contrast: The same.
        saturation: The same.
        hue: At most how far the hue turns, as a share of the circle, to 0.5.
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
    """Mixes the clip with black; factor 1 keeps it."""
    return _clip(clip * factor)


def adjust_contrast(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Mixes the clip with its mean grey; factor 1 keeps it."""
    return _mix(tf.reduce_mean(_grey(clip)), clip, factor)


def adjust_saturation(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Mixes the clip with its grey picture; factor 1 keeps it."""
    return _mix(_grey(clip), clip, factor)


def adjust_sharpness(clip: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Mixes the clip with a smoothed one; factor 1 keeps it."""
    weights = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13
    kernel = tf.tile(weights[..., None, None], [1, 1, 3, 1])
    padded = tf.pad(clip, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    smooth = tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")
    return _mix(smooth, clip, factor)


def posterize(clip: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Keeps the highest bits, 1 to 8, of each value."""
    step = tf.cast(2 ** (8 - bits), tf.float32)
    return tf.floor(clip / step) * step


def solarize(clip: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Inverts what is at least as bright as the threshold."""
    return tf.where(clip < threshold, clip, 255 - clip)


def autocontrast(clip: tf.Tensor) -> tf.Tensor:
    """Stretches each channel to 0..255."""
    low = tf.reduce_min(clip, [0, 1, 2])
    spread = tf.reduce_max(clip, [0, 1, 2]) - low
    stretched = (clip - low) * 255 / tf.maximum(spread, 1e-6)
    return tf.where(spread > 0, stretched, clip)


def equalize(clip: tf.Tensor) -> tf.Tensor:
    """Makes each channel's histogram as flat as it can be."""
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
    # Half of a value's own count, so that mid grey stays mid grey.
    rank = tf.cast(2 * below + counts, tf.float32) / 2
    total = tf.cast(tf.reduce_sum(counts), tf.float32)
    return tf.gather(255 * rank / total, values)


def _grey(clip):
    return tf.reduce_sum(clip * tf.constant(_GREY), axis=-1, keepdims=True)


def _mix(base, clip, factor):
    return _clip(base + (clip - base) * factor)


def _clip(clip):
    return tf.clip_by_value(clip, 0.0, 255.0)
