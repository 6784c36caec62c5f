"""PreparedReader: reads clips from the shards of a prepared data set."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_keras.data.augment.crops import Box, cut, cut_and_stack
from tsm_keras.data.labels import Head, check_same_heads, check_same_labels
from tsm_keras.data.readers.reader import (
    PARALLEL,
    BaseReader,
    ClipHead,
    rows_at,
)
from tsm_keras.data.readers.shard_memory import ShardMemory
from tsm_keras.data.storage.prepared_dataset import PreparedDataset
from tsm_keras.data.storage.split_index import read_split_index
from tsm_keras.data.video.resizing import resize_short_side

# Python calls from several threads wait for each other, so fewer calls are
# faster: one call per clip would make the whole pipeline a fifth slower.
_CLIPS_A_READ = 8


class PreparedReader(BaseReader):
    """Reads a split of a `PreparedDataset` as a `ClipReader`.

    Args:
        dataset: The data set, from `open_prepared`.
        split: Name of the split.
        heads: The heads and their classes, in the order of the labels of a
            clip and of their numbers; None for the order of the data set. All
            classes must have clips, unless `may_lack` is set.
        may_lack: As in `open_clips`.
        cache: Whether to keep the shards, whose frames are JPEG, in memory.

    Raises:
        ValueError: If there is no such split, it has no clips, or the heads or
            classes are not those of the data set; or if the clips have boxes
            in place of classes, which `BoxedReader` reads.
    """

    channels = 3
    has_boxes = False  # Whether the clips must have boxes, or classes.

    def __init__(
        self,
        dataset: PreparedDataset,
        split: str | None,
        *,
        heads: Sequence[Head] | None = None,
        may_lack: bool = False,
        cache: bool = False,
    ):
        if self.has_boxes != (dataset.boxes is not None):
            expected, found = "a class for each clip", "boxes"
            if self.has_boxes:
                expected, found = found, expected
            raise ValueError(
                f"{dataset.folder} must have {expected} here, but it has "
                f"{found}. Received: name={dataset.name!r}"
            )
        wanted = tuple(heads or dataset.heads)
        check_same_heads(dataset.folder, dataset.heads, wanted)
        matched = [_match(dataset, head, may_lack) for head in wanted]
        self.name = dataset.name
        stored = dataset.split(split or "")
        self.num_clips = stored.clips
        self.content_hash = dataset.content_hash
        self.frame_interval = dataset.frame_interval
        if not self.num_clips:
            raise ValueError(
                f"`split` must hold clips. Received: split={split!r}, which "
                f"is empty in {dataset.folder}"
            )
        self.heads = tuple(
            _clip_head(dataset, stored, head, *match)
            for head, match in zip(wanted, matched, strict=True)
        )
        # For each head, the number in it of each class as it is stored.
        self._numbers = [np.array(numbers, np.int64) for _, numbers in matched]
        self._index = read_split_index(dataset, split or "")
        clips = self._index.table.clips
        self._described = {
            "num_frames": clips["num_frames"],
            "frame_rate": clips["frame_rate"],
            "shape": np.stack([clips["height"], clips["width"]], 1),
            "label": _labels(clips["label"], matched),
        }
        # Here, because `decode` may be called for every few frames.
        self._short_sides = {*self._described["shape"].min(axis=1).tolist()}
        self.frame_rate = float(np.median(self._described["frame_rate"]))
        self._memory = ShardMemory() if cache else None

    @property
    def clip_names(self) -> tuple[str, ...]:
        """The source file of each clip, relative to the collection."""
        names = self._index.table.names
        return tuple(x.decode("utf-8", "surrogateescape") for x in names)

    @property
    def shards(self) -> np.ndarray:
        """The number of the shard of each clip, `[N]`."""
        return self._index.shards

    def read_whole_shards(self, limit: int) -> None:
        """Reads shards whole from now on, unless all are kept in memory.

        Args:
            limit: The number of shards to keep in memory.
        """
        if self._memory is None:
            self._memory = ShardMemory(limit)

    def read_ahead(self, clips: tf.data.Dataset) -> tf.data.Dataset:
        """See `ClipReader`; reads only the wanted frames."""

        def read(some):
            jpegs = tf.numpy_function(
                self._read_clips,
                [some["number"], some["indices"]],
                tf.string,
                stateful=False,
            )
            return some | {"jpegs": tf.ensure_shape(jpegs, [None, length])}

        length = clips.element_spec["indices"].shape[0]
        count = clips.cardinality()
        return (
            clips.batch(_CLIPS_A_READ)
            .map(read, PARALLEL)
            .unbatch()
            .apply(tf.data.experimental.assert_cardinality(count))
        )

    def decode(
        self,
        clip: dict[str, tf.Tensor],
        short_side: int | None,
        box: Box | None = None,
    ) -> tf.Tensor:
        """See `ClipReader`."""
        number, jpegs = clip["number"], tf.unstack(clip["jpegs"])
        frames = [tf.io.decode_jpeg(jpeg, channels=3) for jpeg in jpegs]
        shape = rows_at(self._described["shape"], number)

        def resized():
            whole = tf.numpy_function(
                lambda frames: resize_short_side(frames, short_side),
                [tf.stack(frames)],
                tf.uint8,
                stateful=False,
            )
            whole = tf.ensure_shape(whole, [None, None, None, 3])
            return cut(whole, box(tf.shape(whole)[1:3])) if box else whole

        def as_stored():
            return (
                cut_and_stack(frames, box(shape)) if box else tf.stack(frames)
            )

        if short_side is None or self._short_sides == {short_side}:
            return as_stored()
        stored = tf.reduce_min(shape) == short_side
        return tf.cond(stored, as_stored, resized)

    def _clip(self, number, indices):
        return {"number": number, "jpegs": self._read(number, indices)}

    def _read_clips(self, numbers, indices):
        return np.stack(list(map(self._read, numbers, indices)))

    def _read(self, number, indices):
        content = None
        if self._memory is not None:
            content = self._memory.content(self._index.path(number))
        return self._index.read(number, indices, content)


def _match(dataset, head, may_lack):
    """Returns the place of a head in the data set, and its classes' numbers.

    The second value has, for each class as it is stored, its number in `head`.
    """
    names = [stored.name for stored in dataset.heads]
    place = names.index(head.name) if len(names) > 1 else 0
    stored = dataset.heads[place].label_names
    check_same_labels(
        dataset.folder, stored, head.label_names, may_lack=may_lack
    )
    return place, [head.label_names.index(name) for name in stored]


def _clip_head(dataset, split, head, place, numbers):
    """Returns a head with the counts of a split and its mirrored classes."""
    first = sum(len(before.label_names) for before in dataset.heads[:place])
    stored = split.clips_per_label[first : first + len(numbers)]
    mirrored = dataset.mirrored_labels(dataset.heads[place])
    counts = [0] * len(head.label_names)
    partners = list(range(len(head.label_names)))
    for label, number in enumerate(numbers):
        counts[number] = stored[label]
        if mirrored:
            partners[number] = numbers[mirrored[label]]
    return ClipHead(
        head.label_names,
        head.name,
        clips_per_label=tuple(counts),
        mirrored_labels=mirrored and tuple(partners),
    )


def _labels(stored, matched):
    """Returns the labels of clips in the heads and classes that are wanted."""
    if len(matched) == 1:
        ((_, numbers),) = matched
        return np.array(numbers, np.int64)[stored]
    columns = [
        np.array(numbers, np.int64)[stored[:, place]]
        for place, numbers in matched
    ]
    return np.stack(columns, axis=1)
