"""BoxedReader: reads videos with boxes from a prepared data set."""

import os
from collections.abc import Sequence

import numpy as np

from tsm_keras.data.labels import Head
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.prepared_dataset import (
    PreparedDataset,
    open_prepared,
)
from tsm_keras.data.storage.split_boxes import read_boxes
from tsm_keras.data.video.resizing import with_short_side


class BoxedReader(PreparedReader):
    """Reads the videos of a split, and the boxes of their frames.

    Args:
        source: A prepared data set with boxes, or its folder.
        split: Name of the split.
        label_names: The classes of boxes in the order of their numbers; None
            for the order of the data set. They must be the same classes.
        cache: Whether to keep the shards, whose frames are JPEG, in memory.

    Raises:
        FileNotFoundError: If the folder is not a prepared data set.
        ValueError: As in `PreparedReader`, or if clips have no boxes.
    """

    has_boxes = True

    def __init__(
        self,
        source: PreparedDataset | str | os.PathLike[str],
        split: str | None,
        *,
        label_names: Sequence[str] | None = None,
        cache: bool = False,
    ):
        if not isinstance(source, PreparedDataset):
            source = open_prepared(local_folder(source))
        heads = None if label_names is None else (Head(tuple(label_names)),)
        super().__init__(source, split, heads=heads, cache=cache)
        self.folder = source.folder
        self._boxes = read_boxes(source, split or "")

    @property
    def num_frames(self) -> np.ndarray:
        """The number of frames of each video."""
        return self._described["num_frames"]

    @property
    def frame_rates(self) -> np.ndarray:
        """The number of frames per second of each video."""
        return self._described["frame_rate"]

    @property
    def most_boxes(self) -> int:
        """The largest number of boxes in a frame."""
        return int(self._boxes.counts.max(initial=0))

    def frame_shape(self, number: int) -> tuple[int, int]:
        """Returns the height and width of the frames of a video."""
        height, width = self._described["shape"][number].tolist()
        return height, width

    def resized_shapes(self, short_side: int) -> np.ndarray:
        """Returns height and width of each video's frames after resizing.

        Args:
            short_side: The length of the short side, as in `decode`.
        """
        shapes = self._described["shape"].tolist()
        resized = [with_short_side(h, w, short_side) for h, w in shapes]
        return np.array(resized, np.int32)

    def boxes_of(
        self, number: int, frame: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns the objects of a frame.

        Returns:
            The boxes, `[n, 4]` float32, relative to the frame; the classes,
            `[n]` int64, in the order of `label_names`; the tracks, `[n]`
            int64; and whether to ignore each, `[n]` bool.
        """
        rows = self._boxes.of_frame(self._index.starts[number] + frame)
        (numbers,) = self._numbers
        return (
            rows["box"],
            numbers[rows["label"]],
            rows["track"].astype(np.int64),
            rows["ignored"],
        )

    def is_annotated(self, number: int, frame: int) -> bool:
        """Returns whether the objects of a frame are known."""
        return bool(self._boxes.annotated[self._index.starts[number] + frame])

    def padded_boxes(
        self, number: int, frames: np.ndarray, most: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns the objects of some frames of a video in arrays of one size.

        Args:
            number: The number of the video.
            frames: `[T]`, the numbers of the frames.
            most: M, at least the number of boxes of each frame.

        Returns:
            The boxes, `[T, M, 4]` float32, relative to the frame; the classes,
            `[T, M]` int32, -1 where there is no box; whether to ignore each,
            `[T, M]` bool; and whether each frame is annotated, `[T]` bool.
        """
        shape = (len(frames), most)
        boxes = np.zeros((*shape, 4), np.float32)
        classes = np.full(shape, -1, np.int32)
        ignored = np.zeros(shape, bool)
        annotated = np.zeros(len(frames), bool)
        for place, frame in enumerate(frames):
            found, labels, _, hidden = self.boxes_of(number, frame)
            boxes[place, : len(found)] = found
            classes[place, : len(found)] = labels
            ignored[place, : len(found)] = hidden
            annotated[place] = self.is_annotated(number, frame)
        return boxes, classes, ignored, annotated
