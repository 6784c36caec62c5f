"""ClipReader: the interface between the input pipeline and data formats."""

import dataclasses
import os
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import tensorflow as tf

from tsm_keras.data.augment.crops import Box, decode_and_cut
from tsm_keras.data.labels import HasHeads, Head, only_head

# The number of clips that a data set reads at the same time.
PARALLEL = os.cpu_count() or 1
_CHUNK = 16  # The number of frames that `iterate` decodes at a time.


@dataclasses.dataclass(frozen=True)
class ClipHead(Head):
    """A head, with what a reader knows of its classes.

    Attributes:
        clips_per_label: The number of clips of each class.
        mirrored_labels: The class number that a mirrored clip of each class
            has; None if clips must not be mirrored, for all heads alike.
    """

    clips_per_label: tuple[int, ...] = ()
    mirrored_labels: tuple[int, ...] | None = None


class BaseReader(HasHeads):
    """The part of a `ClipReader` that readers inherit.

    A reader that decodes in Python defines
    `_decode(number, indices, short_side)`; it gets a clip and the numbers of
    frames, and returns these frames. Other readers define `decode`.

    Attributes:
        channels: As in `ClipReader`.
        heads: The heads, in the order of the labels of a clip.
    """

    channels: int
    heads: tuple[ClipHead, ...]
    # `num_frames`, `frame_rate` and `label`, with one row per clip.
    _described: dict[str, np.ndarray]

    @property
    def clips_per_label(self) -> tuple[int, ...]:
        """The number of clips of each class of the only head."""
        return only_head(self.heads).clips_per_label

    @property
    def mirrored_labels(self) -> tuple[int, ...] | None:
        """The class that each class of the only head has mirrored, or None."""
        return only_head(self.heads).mirrored_labels

    def describe(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """See `ClipReader`."""
        return {
            key: rows_at(array, number)
            for key, array in self._described.items()
        }

    def read_ahead(self, clips: tf.data.Dataset) -> tf.data.Dataset:
        """See `ClipReader`."""
        return clips

    def decode(
        self,
        clip: dict[str, tf.Tensor],
        short_side: int | None,
        box: Box | None = None,
    ) -> tf.Tensor:
        """See `ClipReader`."""
        return decode_and_cut(
            lambda number, indices: self._decode(number, indices, short_side),
            clip,
            self.channels,
            box,
        )

    def iterate(
        self,
        number: int,
        indices: np.ndarray,
        short_side: int | None,
        box: Box | None = None,
    ) -> Iterator[np.ndarray]:
        """See `ClipReader`."""
        for start in range(0, len(indices), _CHUNK):
            clip = self._clip(number, indices[start : start + _CHUNK])
            yield from self.decode(clip, short_side, box).numpy()

    def _clip(self, number, indices):
        """Returns an element as `read_ahead` does, without a pipeline."""
        return {"number": tf.constant(number), "indices": tf.constant(indices)}

    def _decode(self, number, indices, short_side):
        raise NotImplementedError


def rows_at(array: np.ndarray, number: tf.Tensor) -> tf.Tensor:
    """Returns `tf.gather(array, number)`.

    Outside of a graph, TensorFlow would copy the whole array at every call.

    Args:
        array: An array with a row per clip.
        number: The numbers of clips, which must exist: they are not checked.
    """
    if tf.executing_eagerly():
        return tf.constant(array[np.asarray(number)])
    return tf.gather(array, number)


class ClipReader(Protocol):
    """The labelled clips of one split, numbered in the order of storage.

    To add a data format, write a class with these members in a file of this
    folder, and call it in `open_clips`. `BaseReader` has what
    readers share.

    Attributes:
        name: The name of the collection.
        channels: The number of channels of a frame: 3 for RGB, two per pair of
            frames for optical flow.
        heads: The heads, in the order of the labels of a clip.
        num_clips: The number of clips.
        frame_rate: The median frame rate, in frames per second; 0 if unknown.
    """

    name: str
    channels: int
    heads: tuple[ClipHead, ...]
    num_clips: int
    frame_rate: float

    @property
    def label_names(self) -> tuple[str, ...]:
        """The class names of the only head, in the order of their numbers."""

    @property
    def clips_per_label(self) -> tuple[int, ...]:
        """The number of clips of each class of the only head."""

    @property
    def mirrored_labels(self) -> tuple[int, ...] | None:
        """The class that each class of the only head has mirrored, or None."""

    @property
    def content_hash(self) -> str:
        """A SHA-256, in hexadecimal digits, that changes with the clips."""

    @property
    def clip_names(self) -> tuple[str, ...]:
        """The file or folder that each clip comes from."""

    def frame_interval(self, num_segments: int) -> float:
        """Returns the median interval of T frames spread evenly over a clip.

        Args:
            num_segments: T, the number of frames.

        Returns:
            Seconds between two of the frames; 0 if the frame rate is unknown.
        """

    def describe(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `num_frames`, `frame_rate` and `label` of a clip.

        The label is a class number; with several heads it is a vector with one
        class number per head.

        Args:
            number: The number of the clip, a scalar integer.
        """

    def read_ahead(self, clips: tf.data.Dataset) -> tf.data.Dataset:
        """Prepares clips for `decode` and keeps their order.

        Args:
            clips: Elements with `number`, the number of a clip; `indices`, the
                frames to read, `[N]` int32; and anything else.

        Returns:
            The same elements, with what `decode` needs in addition.
        """

    def decode(
        self,
        clip: dict[str, tf.Tensor],
        short_side: int | None,
        box: Box | None = None,
    ) -> tf.Tensor:
        """Decodes the chosen frames of a clip.

        Args:
            clip: An element of `read_ahead`.
            short_side: The length that the frames' short side is resized to,
                in pixels; None leaves the frames as they are.
            box: A function that returns the part to cut out, given the
                frames' `[height, width]`; see augment/crops.py. None takes the
                whole frames.

        Returns:
            `[N, H, W, channels]` uint8.
        """

    def iterate(
        self,
        number: int,
        indices: np.ndarray,
        short_side: int | None,
        box: Box | None = None,
    ) -> Iterator[np.ndarray]:
        """Yields frames of a clip one by one, in a time linear in its length.

        Args:
            number: The number of the clip.
            indices: The numbers of the frames, int32, in ascending order.
            short_side: As in `decode`.
            box: As in `decode`.

        Yields:
            `[H, W, channels]` uint8.
        """
