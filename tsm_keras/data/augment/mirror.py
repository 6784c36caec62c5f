"""mirror: what a camera would see in a mirror, as pictures or as flow."""

import tensorflow as tf


def mirror(clips: tf.Tensor) -> tf.Tensor:
    """Mirrors pictures or optical flow from left to right.

    Args:
        clips: `[..., H, W, C]` uint8. Three channels are RGB; an even number
            are x and y of flow in turn, whose x then points the other way.

    Returns:
        The same shape.
    """
    mirrored = tf.reverse(clips, [-2])
    channels = clips.shape[-1]
    if channels == 3:
        return mirrored
    # 0..255 stands for -bound..bound.
    is_x = tf.range(channels) % 2 == 0
    return tf.where(is_x, 255 - mirrored, mirrored)
