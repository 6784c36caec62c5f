"""Which frames of a video make a clip (TSN, ECCV 2016, section 3.1)."""

import tensorflow as tf


def segment_indices(
    num_frames: tf.Tensor | int,
    num_segments: int,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Takes one frame of each of T equal segments of a video.

    With `tick = num_frames / T`, segment k gives the frame
    `floor(tick * (k + u))`: u is 1/2, the segment's centre, in evaluation (the
    reference's rule) and uniform in [0, 1) in training. The reference's
    training rule takes `num_frames // T` for the tick and so never sees the
    last frames of most videos; this one covers them all, and treats a video
    and its reverse alike. Videos shorter than T repeat frames.

    Args:
        num_frames: Length of the video, at least 1.
        num_segments: T.
        seed: Two integers for a random draw, or None for the centres.

    Returns:
        `[T]` int32 ascending frame numbers.
    """
    within = tf.fill([num_segments], 0.5)
    if seed is not None:
        within = tf.random.stateless_uniform([num_segments], seed)
    tick = tf.cast(num_frames, tf.float32) / num_segments
    ticks = tf.range(num_segments, dtype=tf.float32) + within
    # Rounding may carry the last one past the end.
    return tf.minimum(tf.cast(tick * ticks, tf.int32), num_frames - 1)
