"""Distributes training over devices and workers with tf.distribute."""

import json
import os
from collections.abc import Callable

import tensorflow as tf

STRATEGIES = ("none", "mirrored", "multi_worker")


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy to build, compile and train a model with.

    Args:
        name: `"none"` for one device; `"mirrored"` for all GPUs of this
            machine; or `"multi_worker"` for the processes that `TF_CONFIG`
            lists. The last must be made before any other use of TensorFlow.

    Raises:
        ValueError: If the name is unknown, or `TF_CONFIG` is missing or does
            not describe a worker.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"`distribute` must be one of {STRATEGIES}. "
            f"Received: distribute={name!r}"
        )
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi_worker":
        worker_index()
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def count_workers(strategy: tf.distribute.Strategy) -> int:
    """Returns the number of processes that train together."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    return strategy.cluster_resolver.cluster_spec().num_tasks("worker")


def worker_index() -> int:
    """Returns the number of this worker in `TF_CONFIG`; worker 0 leads.

    Raises:
        ValueError: If `TF_CONFIG` is missing or does not describe a worker.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        index = config["task"]["index"]
        if config["task"]["type"] != "worker":
            raise ValueError("the type of the task must be worker")
        if not 0 <= index < len(config["cluster"]["worker"]):
            raise ValueError("the index of the task must be that of a worker")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "`TF_CONFIG` must list all workers and say which one this is: "
            '{"cluster": {"worker": ["host1:port", "host2:port"]}, "task": '
            '{"type": "worker", "index": 0}}. '
            f"Received: TF_CONFIG={text!r} ({error!r})"
        ) from error
    return index


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Raises a ValueError if a batch cannot be divided among the devices."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of {replicas}, the number of "
            f"devices that share a batch. Received: batch_size={batch_size}"
        )


def wait_for_workers(strategy: tf.distribute.Strategy) -> None:
    """Waits until all workers have called this function.

    Raises:
        tf.errors.OpError: If a worker is lost.
    """

    def count():
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.constant(1.0))

    tf.function(lambda: strategy.run(count))()


def distributed(
    strategy: tf.distribute.Strategy,
    batch_size: int,
    make: Callable[..., tf.data.Dataset],
) -> tf.data.Dataset:
    """Makes a data set for `model.fit` of which each worker reads its share.

    Args:
        strategy: The strategy, from `make_strategy`.
        batch_size: The number of clips per batch of all workers together.
        make: Makes a data set of whole batches; called with `batch_size`,
            `num_workers` and `worker`, as in `make_dataset`.

    Returns:
        The batches of `make` or, with several workers, this worker's part of
        them.

    Raises:
        ValueError: If a batch cannot be divided among the devices.
    """
    check_batch_size(strategy, batch_size)
    replicas = strategy.num_replicas_in_sync
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return make(batch_size=batch_size, num_workers=1, worker=0)

    def share(context):
        workers = context.num_input_pipelines
        data = make(
            batch_size=batch_size // workers,
            num_workers=workers,
            worker=context.input_pipeline_id,
        )
        if replicas == workers:
            return data
        # One batch for each device of this worker.
        return data.unbatch().batch(batch_size // replicas)

    return strategy.distribute_datasets_from_function(share)


def distributed_test(
    strategy: tf.distribute.Strategy,
    batch_size: int,
    make: Callable[..., tf.data.Dataset],
) -> tuple[tf.data.Dataset, int]:
    """Makes a data set for evaluation, and its number of batches.

    No device can compute on an empty batch, so with several devices all batches
    are filled up with clips of the weight 0. The real clips have a weight of
    slightly more than 1, because losses are divided by the number of all clips.

    Args:
        strategy: As in `distributed`.
        batch_size: As in `distributed`.
        make: As in `distributed`, but its last batch may be smaller.

    Returns:
        The batches of clips and class numbers, with weights if there are
        several devices; and the number of batches.
    """
    if strategy.num_replicas_in_sync == 1:
        data = make(batch_size=batch_size, num_workers=1, worker=0)
        return data, int(data.cardinality())

    def clips(num_workers, worker):
        return make(batch_size=1, num_workers=num_workers, worker=worker)

    workers = 1
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        workers = strategy.cluster_resolver.cluster_spec().num_tasks("worker")
    shares = [int(clips(workers, x).cardinality()) for x in range(workers)]
    steps = -(-max(shares) * workers // batch_size)
    weight = steps * batch_size / sum(shares)

    def filled(batch_size, num_workers, worker):
        data = clips(num_workers, worker).unbatch()
        real = data.map(lambda clip, label: (clip, label, weight))
        filling = (
            data.take(1).repeat().map(lambda clip, label: (clip, label, 0.0))
        )
        rows = real.concatenate(filling).take(steps * batch_size)
        return rows.batch(batch_size, drop_remainder=True)

    return distributed(strategy, batch_size, filled), steps
