"""IngestPlan: assigns every clip to a shard before any clip is decoded.

The shards depend on the plan alone. So a run that was interrupted anywhere can
continue, on one machine or on many, and end with the same bytes.
"""

import collections
import dataclasses
import hashlib
import math
import pathlib
from collections.abc import Iterable
from typing import Any

import av
import cv2

from tsm_keras.data.labels import HasHeads, Head, check_heads, heads_as_json
from tsm_keras.data.prepare.collections.collection import ClipSource, Collection
from tsm_keras.data.prepare.file_sizes import file_sizes
from tsm_keras.data.prepare.splits import draw_splits, random_key
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import SPLITS
from tsm_keras.data.video.frame_folder import pattern_matcher
from tsm_keras.version import __version__

# The versions of what decides on the pixels of a clip.
DECODERS = {"PyAV": av.__version__, "OpenCV": cv2.__version__}
_FRACTION = 0.1  # Default share of validation clips, and of test clips.


@dataclasses.dataclass(frozen=True)
class PlannedShard:
    """A shard to be written.

    Attributes:
        file: Name of the file.
        split: The split that all its clips belong to.
        clips: The clips of the shard, in order.
    """

    file: str
    split: str
    clips: tuple[ClipSource, ...]


@dataclasses.dataclass(frozen=True)
class IngestPlan(HasHeads):
    """The clips and settings that determine a prepared data set.

    Attributes:
        name: Name of the data set.
        root: Folder of the videos.
        heads: The heads, in the order of the labels of a clip.
        images: How frames are stored.
        flip_pairs: As in `PreparedDataset`.
        shards: The shards to write.
        rejected: Path and reason of each clip that cannot be read because it
            is missing or of the wrong kind, such as a pipe.
        clips_sha256: SHA-256 over the clips and their shards.
        sizes_sha256: SHA-256 over the sizes of their files.
        left_out: The number and kinds of other files in the folder, in words;
            may be empty.
        exclude: The paths of clips that are in shards but must not be read.
        has_boxes: As in `Collection`.
        broken_boxes: As in `Collection`.
    """

    name: str
    root: pathlib.Path
    heads: tuple[Head, ...]
    images: ImageSettings
    flip_pairs: tuple[tuple[str, str], ...] | None
    shards: tuple[PlannedShard, ...]
    rejected: tuple[tuple[str, str], ...]
    clips_sha256: str
    sizes_sha256: str
    left_out: str = ""
    exclude: frozenset[str] = frozenset()
    has_boxes: bool = False
    broken_boxes: tuple[tuple[str, int | None, str], ...] = ()

    @property
    def num_clips(self) -> int:
        """The number of clips to read."""
        return sum(len(shard.clips) for shard in self.shards)

    def fingerprint(self) -> dict[str, Any]:
        """Returns all that the shards depend on, as JSON values."""
        return {
            "tsm_keras": __version__,
            **DECODERS,
            "name": self.name,
            "labels": heads_as_json(self.heads).get("heads")
            or list(self.label_names),
            "images": dataclasses.asdict(self.images),
            "flip_pairs": (
                self.flip_pairs
                if self.flip_pairs is None
                else [list(pair) for pair in self.flip_pairs]
            ),
            "clips": self.num_clips,
            "shards": len(self.shards),
            "rejected": len(self.rejected),
            "clips_sha256": self.clips_sha256,
            "sizes_sha256": self.sizes_sha256,
        }

    def without_clips(self) -> "IngestPlan":
        """Returns the settings that a worker needs for any shard."""
        return dataclasses.replace(
            self, shards=(), rejected=(), broken_boxes=()
        )

    def clips_per_split(self) -> dict[str, int]:
        """Returns the number of clips of each split."""
        return {
            split: sum(
                len(shard.clips)
                for shard in self.shards
                if shard.split == split
            )
            for split in SPLITS
        }

    def counts(self, head: int = 0) -> dict[str, collections.Counter[str]]:
        """Returns the number of clips of each class in each split.

        A video with boxes counts for each class that it has a box of.

        Args:
            head: The place of the head whose classes are counted.
        """
        found: dict[str, collections.Counter[str]] = {
            split: collections.Counter() for split in SPLITS
        }
        for shard in self.shards:
            found[shard.split].update(
                name
                for clip in shard.clips
                for place, name in clip.classes()
                if place == head
            )
        return found


def make_plan(
    collection: Collection,
    *,
    name: str | None = None,
    images: ImageSettings | None = None,
    flip_pairs: tuple[tuple[str, str], ...] | None = None,
    val_fraction: float | None = None,
    test_fraction: float | None = None,
    group_regex: str | None = None,
    seed: int = 0,
    clips_per_shard: int = 32,
    limit: int | None = None,
    exclude: Iterable[str] = (),
) -> IngestPlan:
    """Plans the shards of a collection without opening any video.

    Clips are in random order, so that each shard is a sample of its split.

    Args:
        collection: The collection, from `read_collection`.
        name: Name of the data set; None for the name of the folder.
        images: How frames are stored; None for the defaults.
        flip_pairs: As in `PreparedDataset`.
        val_fraction: The share of clips to draw for validation; None for 0.1
            if the source has no splits. If it has splits but none for
            validation, this share of the training clips is drawn, and None
            draws no clips.
        test_fraction: The share of clips to draw for the test; None for 0.1.
            It must be None if the source has splits.
        group_regex: As in `draw_splits`.
        seed: Seed of the order of the clips and of the splits.
        clips_per_shard: The largest number of clips per shard.
        limit: The number of clips to take, chosen at random; None for all.
        exclude: The paths of clips that must not be read, relative to the root
            of the collection. They stay in the plan, so that a run that was
            begun without `exclude` can continue with it, even if such a file
            has changed.

    Raises:
        FileNotFoundError: If the files of all clips are missing.
        ValueError: If a setting is wrong, or the collection has no clip with
            a path of `exclude`.
    """
    _check_at_least_one(clips_per_shard=clips_per_shard, limit=limit)
    check_heads(collection.heads, flip_pairs)
    for clip in collection.clips:
        _check_frames(clip)
    exclude = frozenset(exclude)
    if unknown := exclude - {clip.path for clip in collection.clips}:
        raise ValueError(
            f"`exclude` must name clips of {collection.root} by their paths in "
            "that folder; if a file is gone, put an empty one in its place. "
            f"Received: {sorted(unknown)[:5]}"
        )
    there: list[ClipSource] = []
    rejected: list[tuple[str, str]] = []
    sizes: dict[str, int] = {}
    found = file_sizes(collection.root, collection.clips)
    for clip, size in zip(collection.clips, found, strict=True):
        if isinstance(size, str) and clip.path in exclude:
            size = 0
        if isinstance(size, str):
            rejected.append((clip.path, size))
        else:
            there.append(clip)
            sizes[clip.path] = size
    if not there:
        raise FileNotFoundError(
            f"{collection.root} has none of the {len(rejected)} clips that are "
            f"listed. The first one: {': '.join(rejected[0])}"
        )
    there.sort(key=lambda clip: random_key(seed, _identity(clip)))
    there = _with_splits(
        there[:limit], val_fraction, test_fraction, group_regex, seed
    )
    shards = _shards(there, clips_per_shard)
    return IngestPlan(
        name=name or collection.root.resolve().name,
        root=collection.root,
        heads=collection.heads,
        images=images or ImageSettings(),
        flip_pairs=flip_pairs,
        shards=shards,
        rejected=tuple(sorted(rejected)),
        clips_sha256=_digest(
            (shard.file, clip) for shard in shards for clip in shard.clips
        ),
        sizes_sha256=_digest(
            sizes[clip.path] for shard in shards for clip in shard.clips
        ),
        left_out=collection.left_out,
        exclude=exclude,
        has_boxes=collection.has_boxes,
        broken_boxes=collection.broken_boxes,
    )


def _with_splits(clips, val_fraction, test_fraction, group_regex, seed):
    splits = {clip.split for clip in clips}
    if None in splits:
        drawn, rest = clips, []
        fractions = {
            "val": _FRACTION if val_fraction is None else val_fraction,
            "test": _FRACTION if test_fraction is None else test_fraction,
        }
    elif val_fraction is None and test_fraction is None and not group_regex:
        return clips
    elif val_fraction is None or test_fraction is not None or "val" in splits:
        raise ValueError(
            f"The source itself gives the splits {sorted(splits)}. If `val` is "
            "missing, `val_fraction` can draw it from the training clips; no "
            "other split can be drawn. Received: "
            f"val_fraction={val_fraction}, test_fraction={test_fraction}, "
            f"group_regex={group_regex!r}"
        )
    else:
        drawn = [clip for clip in clips if clip.split == "train"]
        rest = [clip for clip in clips if clip.split != "train"]
        fractions = {"val": val_fraction}
    found = draw_splits(
        drawn,
        {"train": 1 - sum(fractions.values()), **fractions},
        group_regex=group_regex,
        seed=seed,
    )
    return rest + [
        dataclasses.replace(clip, split=split)
        for clip, split in zip(drawn, found, strict=True)
    ]


def _shards(clips, clips_per_shard):
    shards = []
    for split in SPLITS:
        members = [clip for clip in clips if clip.split == split]
        count = math.ceil(len(members) / clips_per_shard)
        shards += [
            PlannedShard(
                file=f"{split}-{number:05d}-of-{count:05d}.tfrecord",
                split=split,
                clips=tuple(members[number::count]),
            )
            for number in range(count)
        ]
    return tuple(shards)


def _identity(clip):
    if clip.start is None and clip.end is None:
        return clip.path
    return f"{clip.path} [{clip.start}, {clip.end}]"


def _digest(entries):
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry!r}\n".encode())
    return digest.hexdigest()


def _check_frames(clip):
    if clip.frame_pattern is not None:
        pattern_matcher(clip.frame_pattern)
        if not clip.frame_rate > 0:
            raise ValueError(
                "`frame_rate` must be positive. "
                f"Received: frame_rate={clip.frame_rate}"
            )


def _check_at_least_one(**values):
    for name, value in values.items():
        if value is not None and value < 1:
            raise ValueError(
                f"`{name}` must be at least 1. Received: {name}={value}"
            )
