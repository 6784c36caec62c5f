"""The order and the seeds of the clips of each epoch, and their options."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_keras.data.pipeline.whole_shards import WholeShards

# Numbers that are folded into an epoch's seed.
_ORDER, _SEEDS, _SHARES, _FIRST = range(4)
_BATCHES_AHEAD = 2


def clips_of_worker(
    num_clips: int,
    batch_size: int,
    *,
    training: bool,
    seed: int,
    shares: np.ndarray | None,
    epochs: Sequence[int] | None,
    num_workers: int,
    worker: int,
    whole_shards: WholeShards | None = None,
) -> tuple[tf.data.Dataset, int]:
    """Returns the clips of a worker, for training or evaluation.

    Args:
        num_clips: The number of all clips.
        batch_size: The number of clips per batch of this worker.
        training: Whether the clips are those of `training_clips`; else they
            come in their order, with zeros in place of seeds.
        seed: As in `training_clips`.
        shares: As in `training_clips`.
        epochs: As in `training_clips`.
        num_workers: As in `training_clips`.
        worker: As in `training_clips`.
        whole_shards: As in `training_clips`.

    Returns:
        The number and the seed of each clip, as in `training_clips`; and
        the number of clips per batch, which is less in training if there are
        fewer clips.

    Raises:
        ValueError: If there are more workers than clips.
    """
    numbers = np.arange(worker, num_clips, num_workers)
    if not len(numbers) or (training and num_workers > num_clips):
        raise ValueError(
            "`num_workers` must be at most the number of clips, "
            f"{num_clips}. Received: num_workers={num_workers}"
        )
    if not training:
        unseeded = np.zeros([len(numbers), 2], np.int64)
        data = tf.data.Dataset.from_tensor_slices((numbers, unseeded))
        return data, batch_size
    batch_size = min(batch_size, num_clips // num_workers)
    data = training_clips(
        num_clips,
        batch_size,
        seed=seed,
        shares=shares,
        epochs=epochs,
        num_workers=num_workers,
        worker=worker,
        whole_shards=whole_shards,
    )
    return data, batch_size


def with_options(data: tf.data.Dataset, deterministic: bool) -> tf.data.Dataset:
    """Returns batches that are made ahead, and not divided among workers."""
    options = tf.data.Options()
    options.deterministic = deterministic
    # The clips are already divided among the workers.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    # The end of an iteration may wait for the thread that tunes the numbers of
    # parallel calls, for as long as the iteration took and up to a minute
    # (TensorFlow 2.21). So these numbers are fixed; see `PARALLEL`.
    options.autotune.enabled = False
    return data.prefetch(_BATCHES_AHEAD).with_options(options)


def training_clips(
    num_clips: int,
    batch_size: int,
    *,
    seed: int,
    shares: np.ndarray | None = None,
    epochs: Sequence[int] | None = None,
    num_workers: int = 1,
    worker: int = 0,
    whole_shards: WholeShards | None = None,
) -> tf.data.Dataset:
    """Draws the order and the seeds of the clips of each epoch.

    Epoch k depends only on `seed` and k. Clips that do not fill a batch of all
    workers are left out, different ones in each epoch.

    Args:
        num_clips: The number of all clips, at least
            `num_workers * batch_size`.
        batch_size: The number of clips per batch of this worker.
        seed: Seed of all draws.
        shares: `[num_clips]`, how often each clip comes per epoch on average,
            with the sum `num_clips`, from `balanced_shares`. In each epoch a
            clip comes as often as its share says, rounded up or down. None
            takes each clip once.
        epochs: Numbers of the epochs that one iteration goes through. For None
            it is one epoch, a new one in each iteration.
        num_workers: The number of workers that share the clips. Their n-th
            batches together are the n-th batch of one process.
        worker: Number of this worker, from 0.
        whole_shards: Draws an order in which shards can be read whole, one
            after the other. None draws any order.

    Returns:
        The clips of this worker, not yet batched: the number of each clip,
        int64, and its seed, `[2]` int64.
    """
    steps = num_clips // (batch_size * num_workers)

    def clips(epoch):
        start = tf.stack([tf.constant(seed, tf.int64), epoch])
        order_seed = tf.random.fold_in(start, _ORDER)
        if whole_shards is None:
            order = tf.random.experimental.stateless_shuffle(
                tf.range(num_clips, dtype=tf.int64), order_seed
            )
        else:
            order = whole_shards.order(order_seed)
        if shares is not None:
            order = _repeated(order, shares, start)
        whole = order[: steps * num_workers * batch_size]
        batches = tf.reshape(whole, [steps, num_workers, batch_size])
        numbers = tf.reshape(batches[:, worker], [-1])
        seeds = tf.random.stateless_uniform(
            [num_clips, 2],
            tf.random.fold_in(start, _SEEDS),
            minval=None,
            maxval=None,
            dtype=tf.int64,
        )
        own = numbers
        if shares is not None:  # A clip that comes twice needs two seeds.
            count = steps * num_workers * batch_size
            places = tf.reshape(tf.range(count), batches.shape)
            own = tf.reshape(places[:, worker], [-1])
        return tf.data.Dataset.from_tensor_slices(
            (numbers, tf.gather(seeds, own))
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


def _repeated(order, shares, start):
    """Returns clips drawn by their shares (systematic sampling), shuffled."""
    shares = tf.constant(shares, tf.float64)
    # Clips of equal shares lie together, so that each class gets its part.
    ranks = tf.argsort(tf.gather(shares, order), stable=True)
    order = tf.gather(order, ranks)
    ends = tf.cumsum(tf.gather(shares, order))
    first = tf.random.stateless_uniform(
        [], tf.random.fold_in(start, _FIRST), dtype=tf.float64
    )
    points = first + tf.range(shares.shape[0], dtype=tf.float64)
    places = tf.searchsorted(ends, points, side="right")
    # Rounding may leave the last point behind the last end.
    drawn = tf.gather(order, tf.minimum(places, shares.shape[0] - 1))
    return tf.random.experimental.stateless_shuffle(
        drawn, tf.random.fold_in(start, _SHARES)
    )


def balanced_shares(labels: np.ndarray) -> np.ndarray:
    """Returns shares for `training_clips` that make classes equally frequent.

    Args:
        labels: The class number of each clip, `[N]`, or `[N, heads]`. With
            several heads, the share of a clip is the mean of those by each.
    """
    columns = labels.reshape(len(labels), -1).T
    found = []
    for column in columns:
        _, places, counts = np.unique(
            column, return_inverse=True, return_counts=True
        )
        found.append(len(labels) / (len(counts) * counts[places]))
    return np.mean(found, axis=0)


def left_out(num_clips: int, batch_size: int, num_workers: int = 1) -> str:
    """Returns a sentence on how many clips each epoch leaves out.

    Args:
        num_clips: The number of all clips, at least `num_workers`.
        batch_size: The number of clips per batch of each worker.
        num_workers: The number of workers that share the clips.

    Returns:
        The sentence, or an empty text if no clip is left out.
    """
    # If there are fewer clips, `make_dataset` makes smaller batches.
    whole = num_workers * min(batch_size, num_clips // num_workers)
    rest = num_clips % whole
    if not rest:
        return ""
    return (
        f"each epoch leaves out {rest} of {num_clips} clips, different ones "
        f"each time, because it has only whole batches of {whole}"
    )


def expect_counts(batch_size: int, num_workers: int, worker: int) -> None:
    """Raises a ValueError that names the argument that is out of range."""
    for name, value, least, most in (
        ("batch_size", batch_size, 1, None),
        ("num_workers", num_workers, 1, None),
        ("worker", worker, 0, num_workers - 1),
    ):
        if value < least or (most is not None and value > most):
            expected = (
                f"at least {least}" if most is None else f"{least}..{most}"
            )
            raise ValueError(
                f"`{name}` must be {expected}. Received: {name}={value!r}"
            )
