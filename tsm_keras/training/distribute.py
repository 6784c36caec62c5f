"""How training is spread over devices and workers: tf.distribute."""

import json
import os
from collections.abc import Callable

import tensorflow as tf

STRATEGIES = ("none", "mirrored", "multi_worker")


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy that a model is built, compiled and trained under.

    Args:
        name: `"none"`; `"mirrored"`, all GPUs of this machine; or
            `"multi_worker"`, the processes that `TF_CONFIG` names. The last
            must be made before TensorFlow does anything else.

    Raises:
        ValueError: If the name is unknown, or `TF_CONFIG` is missing or
            names no worker.
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
    """Returns how many processes train together."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    return strategy.cluster_resolver.cluster_spec().num_tasks("worker")


def worker_index() -> int:
    """Returns the number of this worker as `TF_CONFIG` has it; 0 leads.

    Raises:
        ValueError: If `TF_CONFIG` is missing or names no worker.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        index = config["task"]["index"]
        if config["task"]["type"] != "worker":
            raise ValueError("the task's type must be worker")
        if not 0 <= index < len(config["cluster"]["worker"]):
            raise ValueError("the task's index must be that of a worker")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "`TF_CONFIG` must name the workers and which of them this is: "
            '{"cluster": {"worker": ["host1:port", "host2:port"]}, "task": '
            '{"type": "worker", "index": 0}}. '
            f"Received: TF_CONFIG={text!r} ({error!r})"
        ) from error
    return index


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Raises a ValueError if devices cannot share batches evenly."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of {replicas}, the devices that "
            f"share a batch. Received: batch_size={batch_size}"
        )


def wait_for_workers(strategy: tf.distribute.Strategy) -> None:
    """Returns when all workers have come here.

    Raises:
        tf.errors.OpError: If one of them is lost.
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
    """Returns a data set of which each worker reads its share.

    Args:
        strategy: From `make_strategy`.
        batch_size: Of all workers together.
        make: Called with `batch_size`, `num_workers` and `worker`; gives whole
            batches.

    Returns:
        For `model.fit`: the batches of `make`, or, with several workers, this
        one's part of them.

    Raises:
        ValueError: If the batches cannot be shared evenly.
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
        # A batch for each of this worker's devices.
        return data.unbatch().batch(batch_size // replicas)

    return strategy.distribute_datasets_from_function(share)


def distributed_test(
    strategy: tf.distribute.Strategy,
    batch_size: int,
    make: Callable[..., tf.data.Dataset],
) -> tuple[tf.data.Dataset, int]:
    """Returns what is tested on, and how many batches that is.

    No device can compute on an empty batch, so several of them get whole ones,
    filled up with clips of weight zero. The others weigh a little more than
    one: losses are divided by all.

    Args:
        strategy: As for `distributed`.
        batch_size: The same.
        make: The same, but for what fills no batch.
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
