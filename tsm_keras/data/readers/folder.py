"""scan_folder: a folder of class folders becomes a list of labelled videos."""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from tsm_keras.data.labels import check_same_labels, mirrored_labels
from tsm_keras.data.video.class_folders import VIDEO_SUFFIXES, class_videos
from tsm_keras.data.video.decoding import VideoError, VideoInfo, probe_video


@dataclasses.dataclass(frozen=True)
class VideoFolder:
    """Labelled videos, all of which decode.

    Attributes:
        name: The folder's name.
        paths: The files, sorted by class and name.
        labels: Class number of each file.
        label_names: Class names, sorted, in the order of the numbers.
        infos: Size and length of each file.
        rejected: Path and reason of each file that cannot be read and was
            left out.
        flip_pairs: Classes that change into each other when a clip is
            mirrored, all others staying what they are; None if clips must not
            be mirrored.
    """

    name: str
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    label_names: tuple[str, ...]
    infos: tuple[VideoInfo, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    flip_pairs: tuple[tuple[str, str], ...] | None = None

    def mirrored_labels(self) -> tuple[int, ...] | None:
        """The class that a mirrored clip of each class is of, or None."""
        if self.flip_pairs is None:
            return None
        return mirrored_labels(self.label_names, self.flip_pairs)

    def frame_interval(self, num_segments: int) -> float:
        """Median seconds between two of T frames spread over a video."""
        durations = [info.duration for info in self.infos]
        return round(float(np.median(durations)) / num_segments, 4)

    def content_hash(self) -> str:
        """SHA-256 over the files' classes, names and sizes in bytes."""
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
    progress: Callable[[int, int], None] | None = None,
) -> VideoFolder:
    """Finds and checks the videos of `folder/<class>/<file>`.

    Every video is decoded once, so that a broken one is named now and not in
    the middle of an epoch.

    Args:
        folder: A folder with at least two class folders.
        label_names: The classes in the order of their numbers (those of a
            preset), which must all be there unless `may_lack` is set; None
            takes the folders' names, sorted.
        may_lack: Whether some of `label_names` may have no folder.
        max_bad_fraction: The share of the videos that may be unreadable, in
            [0, 1); these are left out and listed in `rejected`.
        progress: Called with (files checked, files in all).

    Raises:
        FileNotFoundError: If there is no such folder.
        VideoError: If a video cannot be read; the first by name.
        ValueError: If there are fewer than two classes, a class without
            videos, or classes other than `label_names`; if more videos than
            `max_bad_fraction` allows cannot be read, with a list of them.
    """
    if not 0 <= max_bad_fraction < 1:
        raise ValueError(
            "`max_bad_fraction` must be in [0, 1). "
            f"Received: max_bad_fraction={max_bad_fraction!r}"
        )
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The data folder {folder} does not exist. It must hold one "
            "folder per class with videos in it."
        )
    found = class_videos(folder)
    _check_classes(folder, found, label_names, may_lack)
    names = tuple(label_names or found)
    paths = [str(path) for name in names for path in found.get(name, ())]
    labels = [
        number for number, name in enumerate(names) for _ in found.get(name, ())
    ]
    infos: list[VideoInfo | VideoError] = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for info in pool.map(_probe, paths):
                if isinstance(info, VideoError) and not max_bad_fraction:
                    raise info
                infos.append(info)
                if progress:
                    progress(len(infos), len(paths))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
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
            f"read; max_bad_fraction={max_bad_fraction} of them may, if each "
            "class keeps some. Received: "
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
    )


def _probe(path):
    try:
        return probe_video(path)
    except VideoError as error:
        return error


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
            f"{folder} must hold at least two class folders to tell apart. "
            f"Received: {sorted(found)}"
        )
    if label_names is not None:
        check_same_labels(folder, tuple(found), label_names, may_lack=may_lack)
