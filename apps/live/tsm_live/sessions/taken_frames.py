"""TakenFrames: says which frame of each stream an answer belongs to."""

import collections
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from tsm_live.artifact.spec import ArtifactSpec

Shape = tuple[int, ...]
Size = tuple[int, int]  # Height and width.


class AnsweredFrame(NamedTuple):
    """The frame that a prediction belongs to.

    Attributes:
        number: Its number, counted from 0 at the start of the stream; None for
            a clip.
        size: Its height and width before it was resized; None if the session
            got it in the size of the network.
    """

    number: int | None = None
    size: Size | None = None


class TakenFrames:
    """Counts the frames of each stream.

    An artifact that looks ahead answers late. In the first `delay` steps of a
    stream there is no answer; after the last frame there are `delay` more.

    Args:
        spec: The spec of a streaming artifact.
    """

    def __init__(self, spec: ArtifactSpec):
        entries = spec.valid.entries if spec.valid else ()
        self._late = np.array([*entries, spec.delay], int)
        self._taken = np.zeros(spec.streams, int)
        self._sizes: list[collections.deque[Size | None]] = [
            collections.deque(maxlen=spec.delay + 1)
            for _ in range(spec.streams)
        ]

    def take(self, shapes: Sequence[Shape | None], streams: Collection[int]):
        """Notes the next frame of some streams.

        Args:
            shapes: For each of all streams, the shape of its frame, or None
                if the frame has the size of the network.
            streams: The numbers of the streams that take a frame.
        """
        for stream in streams:
            shape = shapes[stream]
            self._taken[stream] += 1
            self._sizes[stream].append(
                None if shape is None else (shape[0], shape[1])
            )

    def forget(self, stream: int | None = None) -> None:
        """Starts one stream, or all of them for None, anew."""
        for number in range(len(self._taken)) if stream is None else [stream]:
            self._taken[number] = 0
            self._sizes[number].clear()

    def answered(
        self, streams: Collection[int], after_end: int = 0
    ) -> tuple[np.ndarray, list[AnsweredFrame | None]]:
        """Describes the answers of the next step.

        Args:
            streams: The numbers of the streams that take part in the step.
            after_end: The number of steps since the end of the streams, or 0.

        Returns:
            The values of the input `valid`, `[N, entries]` booleans; and for
            each of all streams the frame that the step answers, or None if it
            answers none.
        """
        # The frame that each stream is at; after its end it has no frame.
        at = self._taken - 1 + after_end
        numbers = at[:, None] - self._late
        exists = (numbers >= 0) & (numbers < self._taken[:, None])
        frames: list[AnsweredFrame | None] = [None] * len(self._taken)
        for stream in streams:
            if exists[stream, -1]:
                number, sizes = int(numbers[stream, -1]), self._sizes[stream]
                newest = int(self._taken[stream]) - 1
                size = sizes[number - newest - 1]
                frames[stream] = AnsweredFrame(number, size)
        return exists[:, :-1], frames
