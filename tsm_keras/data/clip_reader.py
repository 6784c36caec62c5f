"""Where clips come from: video files, or the shards of a prepared data set.

Both kinds offer the same: a tf.data set of clips that nothing has been decoded
of, `pick`, which keeps what the chosen frames need, and `decode`.
"""

import contextlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tsm_keras.data.crops import cut
from tsm_keras.data.folder import VideoFolder, scan_folder
from tsm_keras.data.labels import check_same_labels
from tsm_keras.data.prepared import PreparedDataset, is_prepared, open_prepared
from tsm_keras.data.preprocessing import resize_short_side
from tsm_keras.data.records import parse_clip
from tsm_keras.data.video import read_video
from tsm_keras.progress import progress_bar

# Shards read at the same time, so that clips that were written one after the
# other do not come one after the other.
_OPEN_SHARDS = 16
_READ_BYTES = 1 << 20

Clip = dict[str, tf.Tensor]
Box = Callable[[tf.Tensor], tf.Tensor]


class VideoReader:
    """The videos of a `VideoFolder`.

    Attributes:
        name: Of the collection.
        label_names: Class names in the order of their numbers.
        num_clips: How many there are.
        clips_per_label: How many of each class.
        content_hash: Of the collection.
        mirrored_labels: The class of a mirrored clip of each class, or None
            if clips must not be mirrored.
        shuffle_size: Clips that are shuffled at once after `pick`.
    """

    def __init__(self, videos: VideoFolder, *, cache: bool = False):
        self.name = videos.name
        self.label_names = videos.label_names
        self.num_clips = len(videos.paths)
        self.clips_per_label = tuple(
            videos.labels.count(number)
            for number in range(len(videos.label_names))
        )
        self.mirrored_labels = videos.mirrored_labels()
        self.shuffle_size = self.num_clips  # Paths are light.
        self._videos = videos
        self._key_frames = {
            path: info.key_frames
            for path, info in zip(videos.paths, videos.infos, strict=True)
        }
        self._memory: dict[str, np.ndarray] | None = {} if cache else None

    @property
    def content_hash(self) -> str:
        return self._videos.content_hash()

    def frame_interval(self, num_segments: int) -> float:
        """Median seconds between two of T frames spread over a clip."""
        return self._videos.frame_interval(num_segments)

    def read(
        self,
        *,
        seed: int | None = None,
        num_workers: int = 1,
        worker: int = 0,
        deterministic: bool = True,
    ) -> tf.data.Dataset:
        """Returns the clips: `video`, `num_frames`, `frame_rate`, `label`.

        Args:
            seed: Of a rough order that changes every epoch, or None for the
                order in which they are stored.
            num_workers: Of how many this is one.
            worker: Which one; each reads clips that no other reads.
            deterministic: Whether equal seeds must give equal orders.
        """
        del seed, deterministic  # What is light is shuffled after `pick`.
        infos = self._videos.infos
        clips = {
            "video": list(self._videos.paths),
            "num_frames": [info.num_frames for info in infos],
            "frame_rate": np.array(
                [info.num_frames / (info.duration or np.inf) for info in infos],
                np.float32,
            ),
            "label": np.array(self._videos.labels, np.int64),
        }
        data = tf.data.Dataset.from_tensor_slices(clips)
        return data.shard(num_workers, worker)

    def clips_of_worker(self, num_workers: int, worker: int) -> int:
        """Returns how many clips `read` gives a worker."""
        return len(range(worker, self.num_clips, num_workers))

    def pick(self, clip: Clip, indices: tf.Tensor) -> Any:
        """Returns what `decode` needs for these frames, `[N]` int32."""
        return clip["video"], indices

    def decode(
        self, picked: Any, short_side: int | None, box: Box | None = None
    ) -> tf.Tensor:
        """Decodes, `[N, H, W, 3]` uint8.

        Args:
            picked: From `pick`.
            short_side: What the frames' short side becomes, or None to leave
                it.
            box: From the frames' `[height, width]` to the part to cut out, as
                in crops.py; None for all.
        """
        frames = tf.numpy_function(
            lambda path, indices: self._decode(
                os.fsdecode(path), indices, short_side
            ),
            picked,
            tf.uint8,
            stateful=False,
        )
        return _cut(frames, box)

    def _decode(self, path, indices, short_side):
        if self._memory is None:
            key_frames = self._key_frames[path]
            frames = read_video(path, indices, key_frames=key_frames)
            return _resize(frames, short_side)
        # Each file is decoded whole, once.
        if path not in self._memory:
            self._memory[path] = _resize(read_video(path), short_side)
        return self._memory[path][indices]


class PreparedReader:
    """A split of a `PreparedDataset`; attributes as in `VideoReader`.

    Args:
        dataset: From `open_prepared`.
        split: One of its splits.
        label_names: The classes in another order; None for the stored one.
        cache: Keep all records in memory, as they are stored: JPEG.

    Raises:
        ValueError: If there is no such split, it is empty, or the classes
            are others.
    """

    def __init__(
        self,
        dataset: PreparedDataset,
        split: str | None,
        *,
        label_names: Sequence[str] | None = None,
        cache: bool = False,
    ):
        label_names = tuple(label_names or dataset.label_names)
        check_same_labels(dataset.folder, dataset.label_names, label_names)
        self.name = dataset.name
        self.label_names = label_names
        stored = dataset.split(split or "")
        self.num_clips = stored.clips
        self.content_hash = dataset.content_hash
        self.frame_interval = dataset.frame_interval
        if not self.num_clips:
            raise ValueError(
                f"`split` must hold clips. Received: split={split!r}, which "
                f"is empty in {dataset.folder}"
            )
        # Stored number of a class to the one asked for.
        self._numbers = [label_names.index(x) for x in dataset.label_names]
        self.clips_per_label = tuple(
            stored.clips_per_label[dataset.label_names.index(name)]
            for name in label_names
        )
        mirrored = dataset.mirrored_labels()
        self.mirrored_labels = mirrored and tuple(
            self._numbers[mirrored[dataset.label_names.index(name)]]
            for name in label_names
        )
        self.shuffle_size = self.num_clips if cache else 512
        self._paths = dataset.shard_paths(split or "")
        self._counts = [shard.clips for shard in stored.shards if shard.clips]
        self._cache = cache

    def read(
        self,
        *,
        seed: int | None = None,
        num_workers: int = 1,
        worker: int = 0,
        deterministic: bool = True,
    ) -> tf.data.Dataset:
        """As `VideoReader.read`, with `frames`: all JPEG files of a clip."""
        by_file = self._shards_by_file(num_workers)
        paths = self._paths[worker::num_workers] if by_file else self._paths
        files = tf.data.Dataset.from_tensor_slices(paths)
        if seed is None or self._cache:
            data = tf.data.TFRecordDataset(files, buffer_size=_READ_BYTES)
        else:
            data = files.shuffle(len(paths), seed=seed).interleave(
                lambda path: tf.data.TFRecordDataset(
                    path, buffer_size=_READ_BYTES
                ),
                cycle_length=min(len(paths), _OPEN_SHARDS),
                num_parallel_calls=tf.data.AUTOTUNE,
                # Workers that share files must agree on the order.
                deterministic=deterministic or not by_file,
            )
        if not by_file:
            data = data.shard(num_workers, worker)
        data = data.map(self._parse, tf.data.AUTOTUNE)
        data = data.apply(
            tf.data.experimental.assert_cardinality(
                self.clips_of_worker(num_workers, worker)
            )
        )
        return data.cache() if self._cache else data

    def clips_of_worker(self, num_workers: int, worker: int) -> int:
        """Returns how many clips `read` gives a worker."""
        if self._shards_by_file(num_workers):
            return sum(self._counts[worker::num_workers])
        return len(range(worker, self.num_clips, num_workers))

    def pick(self, clip: Clip, indices: tf.Tensor) -> Any:
        """As `VideoReader.pick`: the JPEG files of these frames."""
        return tf.gather(clip["frames"], indices), clip["shape"]

    def decode(
        self, picked: Any, short_side: int | None, box: Box | None = None
    ) -> tf.Tensor:
        """As `VideoReader.decode`."""
        jpegs, shape = picked

        def resized():
            frames = tf.numpy_function(
                lambda frames: resize_short_side(frames, short_side),
                [tf.stack(_decode_each(jpegs))],
                tf.uint8,
                stateful=False,
            )
            return _cut(frames, box)

        def as_stored():
            # Cut before they are stacked: that copies less.
            part = box(shape) if box else [0, 0, -1, -1]
            return tf.stack([cut(each, part) for each in _decode_each(jpegs)])

        if short_side is None:
            return as_stored()
        stored = tf.reduce_min(shape) == short_side
        return tf.cond(stored, as_stored, resized)

    def _shards_by_file(self, num_workers):
        return len(self._paths) >= num_workers

    def _parse(self, serialized):
        record = parse_clip(serialized)
        return {
            "frames": record["frames"],
            "shape": tf.cast(
                tf.stack([record["height"], record["width"]]), tf.int32
            ),
            "num_frames": tf.size(record["frames"]),
            "frame_rate": record["frame_rate"],
            "label": tf.gather(
                tf.constant(self._numbers, tf.int64), record["label"]
            ),
        }


ClipReader = VideoReader | PreparedReader
DataSource = ClipReader | VideoFolder | PreparedDataset | str | os.PathLike[str]


def as_reader(
    source: DataSource, split: str | None = None, *, cache: bool = False
) -> ClipReader:
    """Returns the clips of whatever stands for them; see `make_dataset`."""
    if isinstance(source, PreparedDataset):
        return PreparedReader(source, split, cache=cache)
    if isinstance(source, VideoFolder):
        return VideoReader(source, cache=cache)
    if isinstance(source, (str, os.PathLike)):
        return open_clips(source, split, cache=cache)
    return source


def open_clips(
    path: str | os.PathLike[str],
    split: str | None = None,
    *,
    label_names: Sequence[str] | None = None,
    max_bad_fraction: float = 0.0,
    cache: bool = False,
    verbose: bool = False,
) -> ClipReader:
    """Opens a prepared data set or a folder of class folders with videos.

    Args:
        path: A folder that `tsm prepare` wrote; a folder with a folder
            `split` in it, of class folders; or, where that is not there, a
            folder of class folders.
        split: `"train"`, `"val"` or `"test"`; needed for a prepared data set.
        label_names: The classes that must be there, in this order; None for
            those that are there.
        max_bad_fraction: Of videos, as in `scan_folder`.
        cache: As in `make_dataset`.
        verbose: Show how far the check of the videos is, and print which
            were left out.

    Raises:
        FileNotFoundError, VideoError, ValueError: As `open_prepared`,
            `PreparedReader` and `scan_folder`.
    """
    path = pathlib.Path(path)
    if is_prepared(path):
        dataset = open_prepared(path)
        return PreparedReader(
            dataset, split, label_names=label_names, cache=cache
        )
    if split and (path / split).is_dir():
        path = path / split
    with contextlib.ExitStack() as stack:
        title = f"checking the videos of {path}"
        progress = stack.enter_context(progress_bar(title)) if verbose else None
        videos = scan_folder(
            path,
            label_names=label_names,
            max_bad_fraction=max_bad_fraction,
            progress=progress,
        )
    if verbose and videos.rejected:
        total = len(videos.paths) + len(videos.rejected)
        print(f"left out {len(videos.rejected)} of {total} videos:")
        for file, reason in videos.rejected:
            print(f"  {file}: {reason}")
    return VideoReader(videos, cache=cache)


def _decode_each(jpegs):
    return [tf.io.decode_jpeg(jpeg, channels=3) for jpeg in tf.unstack(jpegs)]


def _cut(frames, box):
    frames = tf.ensure_shape(frames, [None, None, None, 3])
    return cut(frames, box(tf.shape(frames)[1:3])) if box else frames


def _resize(frames, short_side):
    return resize_short_side(frames, short_side) if short_side else frames
