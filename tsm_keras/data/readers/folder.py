"""scan_folder: finds and checks the labelled videos in class folders."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from tsm_keras.data.augment.flip_pairs import chosen_flip_pairs
from tsm_keras.data.labels import check_same_labels, mirrored_labels
from tsm_keras.data.readers.probed_videos import probe_videos
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.video.class_folders import VIDEO_SUFFIXES, class_videos
from tsm_keras.data.video.decoding import VideoError, VideoInfo


@dataclasses.dataclass(frozen=True)
class VideoFolder:
    """Labelled videos, all of which can be decoded.

    Attributes:
        name: The name of the folder.
        paths: The paths of the files, sorted by class and name.
        labels: The class number of each file.
        label_names: The class names in the order of their numbers.
        infos: The size and length of each file.
        rejected: The path of each file that was left out because it cannot be
            read, and the reason.
        flip_pairs: The pairs of classes that turn into each other when a clip
            is mirrored; a clip of any other class keeps its class. None if
            clips must not be mirrored.
    """

    name: str
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    label_names: tuple[str, ...]
    infos: tuple[VideoInfo, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    flip_pairs: tuple[tuple[str, str], ...] | None = None

    def mirrored_labels(self) -> tuple[int, ...] | None:
        """Returns the class number that each class has mirrored, or None."""
        if self.flip_pairs is None:
            return None
        return mirrored_labels(self.label_names, self.flip_pairs)

    def frame_interval(self, num_segments: int) -> float:
        """Returns the median seconds between two of T frames of a video."""
        durations = [info.duration for info in self.infos]
        return round(float(np.median(durations)) / num_segments, 4)

    def content_hash(self) -> str:
        """Returns the SHA-256 of the classes, names and sizes of the files."""
        digest = hashlib.sha256()
        for path, label in zip(self.paths, self.labels, strict=True):
            file = pathlib.Path(path)
            entry = (self.label_names[label], file.name, file.stat().st_size)
            digest.update(repr(entry).encode())
        return digest.hexdigest()


def scan_folder(
    folder: str | os.PathLike,
    *,
    label_names: Sequence[str] | None = None,
    may_lack: bool = False,
    max_bad_fraction: float = 0.0,
    flip_pairs: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> VideoFolder:
    """Finds and checks the videos of `folder/<class>/<file>`.

    Every video is decoded once, so that a broken one is reported now and not
    in the middle of an epoch. What was found is kept: a second call decodes
    only videos that have changed; see probed_videos.py.

    Args:
        folder: A folder with at least two class folders.
        label_names: The classes in the order of their numbers, such as those
            of a preset; each must have a folder unless `may_lack` is set. None
            takes the names of the folders, sorted.
        may_lack: Whether some of `label_names` may have no folder.
        max_bad_fraction: The share of the videos that may be unreadable, in
            [0, 1). Unreadable videos are left out and listed in `rejected`.
        flip_pairs: The classes that change into each other when a clip is
            mirrored: `"auto"` finds them by name; pairs have the form
            `"look left:look right,a:b"`; None forbids mirroring.
        progress: A function that is called after each file with the number of
            files checked so far and the number of all files.

    Raises:
        FileNotFoundError: If `folder` does not exist.
        VideoError: If a video cannot be read and `max_bad_fraction` is 0. The
            error names the first such video.
        ValueError: If `folder` is an address; if there are fewer than two
            classes, a class without videos, or classes other than
            `label_names`; or if more videos than `max_bad_fraction` allows
            cannot be read. The message lists them.
    """
    if not 0 <= max_bad_fraction < 1:
        raise ValueError(
            "`max_bad_fraction` must be in [0, 1). "
            f"Received: max_bad_fraction={max_bad_fraction!r}"
        )
    folder = local_folder(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The data folder {folder} does not exist. It must hold one "
            "folder per class with videos in it."
        )
    found = class_videos(folder)
    _check_classes(folder, found, label_names, may_lack)
    names = tuple(label_names or found)
    pairs = chosen_flip_pairs(flip_pairs, names)
    if pairs is not None:  # Raises an error before videos are decoded.
        mirrored_labels(names, pairs)
    paths = [str(path) for name in names for path in found.get(name, ())]
    labels = [
        number for number, name in enumerate(names) for _ in found.get(name, ())
    ]
    infos = probe_videos(
        folder,
        paths,
        stop_at_error=not max_bad_fraction,
        progress=progress,
    )
    videos = [
        (path, label, info)
        for path, label, info in zip(paths, labels, infos, strict=True)
        if isinstance(info, VideoInfo)
    ]
    rejected = tuple(
        (path, info.reason)
        for path, info in zip(paths, infos, strict=True)
        if isinstance(info, VideoError)
    )
    left = {label for _, label, _ in videos}
    if len(rejected) > max_bad_fraction * len(paths) or len(left) < len(found):
        raise ValueError(
            f"{len(rejected)} of {len(paths)} videos of {folder} cannot be "
            f"read. At most a share of max_bad_fraction={max_bad_fraction} may "
            "be unreadable, and not all videos of a class. Received: "
            + "; ".join(f"{path}: {reason}" for path, reason in rejected)
        )
    good_paths, good_labels, good_infos = zip(*videos, strict=True)
    return VideoFolder(
        name=folder.resolve().name,
        paths=good_paths,
        labels=good_labels,
        label_names=names,
        infos=good_infos,
        rejected=rejected,
        flip_pairs=pairs,
    )


def _check_classes(folder, found, label_names, may_lack):
    if not any(found.values()):
        raise ValueError(
            f"{folder} holds no videos: put them into one folder per class "
            f"({folder}/<class>/<file>, {' '.join(VIDEO_SUFFIXES)})."
        )
    empty = sorted(name for name, paths in found.items() if not paths)
    if empty:
        raise ValueError(
            f"These class folders of {folder} hold no videos: {empty}. Fill or "
            "remove them."
        )
    if len(found) < 2 and not may_lack:
        raise ValueError(
            f"{folder} must hold at least two class folders. "
            f"Received: {sorted(found)}"
        )
    if label_names is not None:
        check_same_labels(folder, tuple(found), label_names, may_lack=may_lack)
