"""detection_videos: whole videos and their objects, to evaluate a detector."""

import dataclasses
import os
from collections.abc import Iterator, Sequence

import numpy as np

from tsm_keras.data.readers.boxed_reader import BoxedReader
from tsm_keras.data.storage.prepared_dataset import PreparedDataset


@dataclasses.dataclass(frozen=True, eq=False)
class FrameObjects:
    """The objects of a frame.

    Attributes:
        boxes: `[n, 4]` float32, `(x0, y0, x1, y1)` in pixels of the frame.
        classes: `[n]` int64, numbers of classes.
        tracks: `[n]` int64, the number of each object in its video, -1 if it
            is unknown.
        ignored: `[n]` bool, whether a detector need not find the object.
    """

    boxes: np.ndarray
    classes: np.ndarray
    tracks: np.ndarray
    ignored: np.ndarray


class DetectionVideo:
    """A video of a prepared data set.

    Attributes:
        name: The path of the video in its collection.
        fps: The number of frames per second.
        num_frames: The number of frames.
    """

    def __init__(self, reader: BoxedReader, number: int):
        self._reader, self._number = reader, number
        self.name = reader.clip_names[number]
        self.fps = float(reader.frame_rates[number])
        self.num_frames = int(reader.num_frames[number])

    def frames(self) -> Iterator[np.ndarray]:
        """Yields all frames as they are stored, `[H, W, 3]` uint8 RGB."""
        indices = np.arange(self.num_frames, dtype=np.int32)
        return self._reader.iterate(self._number, indices, None)

    def truth(self, frame: int) -> FrameObjects | None:
        """Returns the objects of a frame, None if they are not known."""
        if not 0 <= frame < self.num_frames:
            raise IndexError(
                f"`frame` must be in 0..{self.num_frames - 1}. "
                f"Received: frame={frame!r}"
            )
        if not self._reader.is_annotated(self._number, frame):
            return None
        boxes, *rest = self._reader.boxes_of(self._number, frame)
        height, width = self._reader.frame_shape(self._number)
        sides = np.array([width, height] * 2, np.float32)
        return FrameObjects(boxes * sides, *rest)


class DetectionVideos(Sequence[DetectionVideo]):
    """The videos of a split; see `detection_videos`.

    Attributes:
        labels: The names of the classes of boxes, in the order of their
            numbers.
    """

    def __init__(self, reader: BoxedReader):
        self._reader = reader
        self.labels = reader.label_names

    def __len__(self) -> int:
        return self._reader.num_clips

    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        return DetectionVideo(self._reader, number % len(self))


def detection_videos(
    source: PreparedDataset | str | os.PathLike[str], split: str
) -> DetectionVideos:
    """Opens the videos of a split, with the boxes of each frame.

    Frames are read one by one, so a long video needs no more memory than a
    short one.

    Args:
        source: A prepared data set with boxes, or its folder.
        split: Name of the split.

    Returns:
        A sequence of videos, which can be gone through again and again.

    Raises:
        FileNotFoundError, ValueError: As in `BoxedReader`.
    """
    return DetectionVideos(BoxedReader(source, split))
