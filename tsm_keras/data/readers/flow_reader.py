"""FlowReader: clips of optical flow, stored as by the tools of TSN and TSM.

CLASS/CLIP/flow_x_00001.jpg    motion to the right from frame 1 to frame 2
CLASS/CLIP/flow_y_00001.jpg    motion downwards from frame 1 to frame 2
flow.json                      written by `tsm flow`: settings, frame rates,
                               flip pairs
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from tsm_keras.data.labels import check_same_labels, mirrored_labels
from tsm_keras.data.readers.reader import BaseReader, ClipHead
from tsm_keras.data.video.class_folders import visible_folders
from tsm_keras.data.video.decoding import VideoError
from tsm_keras.data.video.frame_folder import pattern_matcher
from tsm_keras.data.video.resizing import resize_short_side

FLOW_FILE = "flow.json"
X_PATTERN, Y_PATTERN = "flow_x_%05d.jpg", "flow_y_%05d.jpg"


@dataclasses.dataclass(frozen=True)
class _Clip:
    folder: pathlib.Path
    label: int
    first: int  # Number of the first file.
    count: int
    frame_rate: float


class FlowReader(BaseReader):
    """Reads folders of optical flow as a `ClipReader`.

    A frame of a clip is the flow of several pairs of neighbouring video frames,
    beginning at this frame, with the channels x, y, x, y... (`new_length` in
    the authors' code). At the end of the video the last pair repeats.

    Args:
        folder: A folder with one folder per class, which has one folder per
            clip.
        pairs: The number of pairs per frame; a frame has `2 * pairs` channels.
        label_names: The classes in the order of their numbers; None for the
            sorted names of the folders. All must have clips, unless `may_lack`
            is set.
        may_lack: As in `open_clips`.

    Raises:
        FileNotFoundError: If there is no such folder.
        VideoError: If a file of a clip is missing.
        ValueError: If `pairs` is below 1, if there are fewer than two classes,
            if a class has no clips, or if the classes are not `label_names`.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        pairs: int = 5,
        label_names: Sequence[str] | None = None,
        may_lack: bool = False,
    ):
        folder = pathlib.Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"The folder {folder} does not exist.")
        if pairs < 1:
            raise ValueError(
                f"`pairs` must be at least 1. Received: pairs={pairs}"
            )
        classes = [path.name for path in visible_folders(folder)]
        if label_names is not None:
            check_same_labels(
                folder, tuple(classes), label_names, may_lack=may_lack
            )
        names = tuple(label_names or classes)
        self.name = folder.resolve().name
        self.channels = 2 * pairs
        self._pairs = pairs
        known = read_flow_file(folder)
        rates = known.get("frame_rates", {})
        self._clips = [
            _open_clip(clip, label, rates.get(f"{name}/{clip.name}", 0.0))
            for label, name in enumerate(names)
            if name in classes
            for clip in visible_folders(folder / name)
        ]
        labels = [clip.label for clip in self._clips]
        counts = tuple(np.bincount(labels, minlength=len(names)).tolist())
        present = set(classes)
        empty = any(
            name in present and not count
            for name, count in zip(names, counts, strict=True)
        )
        if len(names) < 2 or empty:
            raise ValueError(
                f"{folder} must have at least two class folders, each with one "
                f"folder of {X_PATTERN % 1}, {Y_PATTERN % 1}... per clip. "
                "Received clips per class: "
                f"{dict(zip(classes, counts, strict=False))}"
            )
        self.num_clips = len(self._clips)
        self.clip_names = tuple(str(clip.folder) for clip in self._clips)
        flips = known.get("flip_pairs")
        mirrored = None if flips is None else mirrored_labels(names, flips)
        self.heads = (
            ClipHead(names, clips_per_label=counts, mirrored_labels=mirrored),
        )
        self.frame_rate = float(
            np.median([clip.frame_rate for clip in self._clips])
        )
        self._described = {
            # Fewer than the files, so that every sampled frame has its pairs.
            "num_frames": np.array(
                [max(1, clip.count - pairs + 1) for clip in self._clips],
                np.int32,
            ),
            "frame_rate": np.array(
                [clip.frame_rate for clip in self._clips], np.float32
            ),
            "label": np.array(labels, np.int64),
        }

    @property
    def content_hash(self) -> str:
        """SHA-256 over the classes, names and lengths of the clips."""
        entries = [
            (clip.label, clip.folder.name, clip.count) for clip in self._clips
        ]
        return hashlib.sha256(repr(entries).encode()).hexdigest()

    def frame_interval(self, num_segments: int) -> float:
        """Returns the median seconds between T frames spread over a clip.

        It is 0 if the frame rates are unknown.
        """
        if not self.frame_rate:
            return 0.0
        seconds = [clip.count / clip.frame_rate for clip in self._clips]
        return round(float(np.median(seconds)) / num_segments, 4)

    def _decode(self, number, indices, short_side):
        clip = self._clips[number]
        wanted = np.minimum(
            indices[:, None] + np.arange(self._pairs), clip.count - 1
        )
        flows = {
            index: _read_pair(clip, clip.first + index)
            for index in np.unique(wanted).tolist()
        }
        frames = np.stack(
            [
                np.concatenate([flows[index] for index in row], axis=-1)
                for row in wanted.tolist()
            ]
        )
        return resize_short_side(frames, short_side) if short_side else frames


def holds_flow(folder: pathlib.Path) -> bool:
    """Returns whether a folder has flow, of `tsm flow` or of other tools."""
    if (folder / FLOW_FILE).is_file():
        return True
    number_of = pattern_matcher(X_PATTERN)
    for label in visible_folders(folder) if folder.is_dir() else ():
        for clip in visible_folders(label):
            return any(number_of(name) is not None for name in os.listdir(clip))
    return False


def _open_clip(folder, label, frame_rate):
    names = os.listdir(folder)
    x, y = (
        sorted(n for name in names if (n := number_of(name)) is not None)
        for number_of in map(pattern_matcher, (X_PATTERN, Y_PATTERN))
    )
    if not x or x != y or x != list(range(x[0], x[0] + len(x))):
        raise VideoError(
            folder,
            f"it must have {X_PATTERN % 1}, {Y_PATTERN % 1} and so on, without "
            f"missing numbers; it has {len(x)} files of x and {len(y)} of y",
        )
    return _Clip(folder, label, x[0], len(x), frame_rate)


def _read_pair(clip, number):
    images = []
    for pattern in (X_PATTERN, Y_PATTERN):
        path = clip.folder / (pattern % number)
        image = cv2.imdecode(
            np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE
        )
        if image is None:
            raise VideoError(clip.folder, f"{path.name} is not an image")
        images.append(image)
    return np.stack(images, axis=-1)


def read_flow_file(folder: pathlib.Path) -> dict[str, Any]:
    """Returns the content of `flow.json`, or an empty dictionary without it.

    Raises:
        ValueError: If the file is damaged.
    """
    path = folder / FLOW_FILE
    if not path.is_file():
        return {}  # Another tool wrote the flow.
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error
