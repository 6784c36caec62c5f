"""MixUp and CutMix: mix each clip of a batch, and its label, with another."""

import tensorflow as tf


def mixup(
    clips: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, alpha: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blends each clip with the previous one of the batch (Zhang et al., 2018).

    Args:
        clips: `[B, T, H, W, C]` uint8.
        labels: `[B, K]` float32; each row sums to 1.
        seed: `[2]` integers.
        alpha: Parameter of the distribution Beta(alpha, alpha), above 0. One
            share is drawn from it for the whole batch.

    Returns:
        The mixed clips, uint8, and the labels, mixed with the same share.
    """
    share = _beta(alpha, seed)
    mixed = _mix(tf.cast(clips, tf.float32), share)
    return tf.cast(tf.round(mixed), tf.uint8), _mix(labels, share)


def cutmix(
    clips: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, alpha: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pastes a box of the previous clip into each clip (Yun et al., 2019).

    The box is the same in all frames of all clips. Arguments and results are
    those of `mixup`; labels are mixed by the share of pixels outside the box,
    which is clipped at the edges of the frame.
    """
    shape = tf.shape(clips)[2:4]
    side = tf.sqrt(1 - _beta(alpha, seed))
    center = tf.random.stateless_uniform([2], tf.random.fold_in(seed, 2))
    center = center * tf.cast(shape, tf.float32)
    half = side * tf.cast(shape, tf.float32) / 2
    low = tf.maximum(tf.cast(tf.round(center - half), tf.int32), 0)
    high = tf.minimum(tf.cast(tf.round(center + half), tf.int32), shape)
    rows, columns = (
        tf.logical_and(
            low[i] <= tf.range(shape[i]), tf.range(shape[i]) < high[i]
        )
        for i in range(2)
    )
    inside = tf.logical_and(rows[:, None], columns)[..., None]
    pasted = tf.where(inside, tf.roll(clips, 1, axis=0), clips)
    share = 1 - tf.reduce_mean(tf.cast(inside, tf.float32))
    return pasted, _mix(labels, share)


def _mix(values, share):
    return share * values + (1 - share) * tf.roll(values, 1, axis=0)


def _beta(alpha, seed):
    gammas = tf.stack(
        [
            tf.random.stateless_gamma(
                [], tf.random.fold_in(seed, stream), alpha
            )
            for stream in range(2)
        ]
    )
    # If alpha is small, both may round to zero.
    return tf.math.divide_no_nan(gammas[0], tf.reduce_sum(gammas))
