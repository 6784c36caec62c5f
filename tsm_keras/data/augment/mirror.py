"""mirror: flips clips of RGB or optical flow from left to right."""

import tensorflow as tf


def mirror(clips: tf.Tensor) -> tf.Tensor:
    """Flips clips of RGB or optical flow from left to right.

    Args:
        clips: `[..., H, W, C]` uint8. Three channels are RGB. An even number
            of channels is optical flow, x and y in turn; mirroring also
            negates x.

    Returns:
        The mirrored clips, with the same shape and dtype.
    """
    mirrored = tf.reverse(clips, [-2])
    channels = clips.shape[-1]
    if channels == 3:
        return mirrored
    # Flow in -bound..bound is stored as 0..255, so this negates it.
    is_x = tf.range(channels) % 2 == 0
    return tf.where(is_x, 255 - mirrored, mirrored)
