"""WholeShards: an order of training clips in which shards are read whole."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.data.readers.prepared_reader import PreparedReader


@dataclasses.dataclass(frozen=True, eq=False)
class WholeShards:
    """An order of clips in which shards can be read whole, each once.

    Attributes:
        shards: `[N]`, the number of the shard of each clip.
        shuffle_buffer: The number of clips among which clips are shuffled.
    """

    shards: np.ndarray
    shuffle_buffer: int

    @property
    def open_shards(self) -> int:
        """The number of shards that are in use at the same time."""
        clips_per_shard = len(self.shards) / (self.shards.max() + 1)
        # The first and the last of them are in use in part, and batches that
        # are made ahead may need one more.
        return math.ceil(self.shuffle_buffer / clips_per_shard) + 3

    def order(self, seed: tf.Tensor) -> tf.Tensor:
        """Draws an order.

        The shards come in any order, and the clips of a shard in theirs. Then
        each clip waits while up to `shuffle_buffer` others come.

        Args:
            seed: `[2]` integers.

        Returns:
            The numbers of the clips, `[N]` int64.
        """
        of_ranks, of_waits = tf.unstack(tf.random.split(seed))
        ranks = tf.random.experimental.stateless_shuffle(
            tf.range(self.shards.max() + 1), of_ranks
        )
        order = tf.argsort(tf.gather(ranks, self.shards), stable=True)
        waits = tf.random.stateless_uniform(
            self.shards.shape,
            of_waits,
            maxval=self.shuffle_buffer,
            dtype=tf.float64,
        )
        places = tf.range(len(self.shards), dtype=tf.float64)
        nearby = tf.argsort(places + waits, stable=True)
        return tf.cast(tf.gather(order, nearby), tf.int64)


def read_whole_shards(
    clips: ClipReader,
    shuffle_buffer: int,
    numbers: np.ndarray | None = None,
) -> WholeShards:
    """Makes a reader read shards whole, and returns the order for it.

    Args:
        clips: The clips.
        shuffle_buffer: The number of clips among which clips are shuffled.
        numbers: The clips to order, if several are cut from one; None for each
            clip of `clips` once.

    Raises:
        ValueError: If `shuffle_buffer` is less than 1, or the clips are not in
            shards.
    """
    if shuffle_buffer < 1 or not isinstance(clips, PreparedReader):
        raise ValueError(
            "`shuffle_buffer` must be at least 1, and needs a data set that "
            "`tsm prepare` wrote. "
            f"Received: shuffle_buffer={shuffle_buffer!r} for {clips.name!r}"
        )
    shards = clips.shards if numbers is None else clips.shards[numbers]
    order = WholeShards(shards, shuffle_buffer)
    clips.read_whole_shards(order.open_shards)
    return order
