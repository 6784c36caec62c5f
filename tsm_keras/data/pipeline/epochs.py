"""training_clips: the clips of an epoch, in which order, with which seeds.

left_out says how many clips that leaves out.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

_ORDER, _SEEDS = range(2)  # What is folded into an epoch's seed.


def training_clips(
    num_clips: int,
    batch_size: int,
    *,
    seed: int,
    epochs: Sequence[int] | None = None,
    num_workers: int = 1,
    worker: int = 0,
) -> tf.data.Dataset:
    """Draws orders and seeds; epoch k is a function of `seed` and k alone.

    Args:
        num_clips: In all, at least `num_workers * batch_size`.
        batch_size: Of this worker. What fills no batch of all workers is left
            out, others in each epoch.
        seed: Of all draws.
        epochs: Those to go through, one after the other; None for one epoch,
            another in each iteration.
        num_workers: That share the clips: their n-th batches together are the
            n-th batch of one process.
        worker: Which of them, from 0.

    Returns:
        The clip's number, int64, and its seed, `[2]` int64, of each clip of
        the batches.
    """
    steps = num_clips // (batch_size * num_workers)

    def clips(epoch):
        start = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(
            tf.range(num_clips, dtype=tf.int64),
            tf.random.fold_in(start, _ORDER),
        )
        whole = order[: steps * num_workers * batch_size]
        shares = tf.reshape(whole, [steps, num_workers, batch_size])
        numbers = tf.reshape(shares[:, worker], [-1])
        seeds = tf.random.stateless_uniform(
            [num_clips, 2],
            tf.random.fold_in(start, _SEEDS),
            minval=None,
            maxval=None,
            dtype=tf.int64,
        )
        return tf.data.Dataset.from_tensor_slices(
            (numbers, tf.gather(seeds, numbers))
        )

    if epochs is None:
        drawn = tf.data.Dataset.random(
            seed=seed, rerandomize_each_iteration=True
        ).take(1)
        count = 1
    else:
        drawn = tf.data.Dataset.from_tensor_slices(np.asarray(epochs, np.int64))
        count = len(epochs)
    return drawn.flat_map(clips).apply(
        tf.data.experimental.assert_cardinality(count * steps * batch_size)
    )


def left_out(num_clips: int, batch_size: int, num_workers: int = 1) -> str:
    """Returns a sentence on how many clips each epoch leaves out.

    Args:
        num_clips: In all, at least one a worker.
        batch_size: Of each worker.
        num_workers: That share the clips.

    Returns:
        An empty text if it is none.
    """
    # Of clips that are fewer than that, `make_dataset` makes smaller batches.
    whole = num_workers * min(batch_size, num_clips // num_workers)
    rest = num_clips % whole
    if not rest:
        return ""
    return (
        f"each epoch leaves out {rest} of {num_clips} clips, others each time: "
        f"it is whole batches of {whole}"
    )
