"""StreamResults: the accuracy of a stream at each moment of its videos."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

_SHARES = np.arange(1, 11) / 10  # Of a video, for `by_fraction`.


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedVideo:
    """The logits of a streamed video and of the videos before it.

    Attributes:
        clip: Number of the clip.
        label: Number of the clip's class; with several heads, one per head.
        logits: `[n, K]`, the logits of the n frames of the video; with several
            heads, their logits side by side.
        before: `[m, K]`, the logits of the last frames before this video since
            the reset of the stream: at least as many as a window may need, or
            all if there are fewer.
        position: The number of videos between the last reset and this one.
    """

    clip: int
    label: Any
    logits: np.ndarray
    before: np.ndarray
    position: int

    def right(self, window: int) -> np.ndarray:
        """Returns whether the prediction at each frame is right, `[n]` bool.

        Args:
            window: The number of frames, up to and including the current one,
                whose logits are averaged. Frames of earlier videos count if
                there was no reset.
        """
        past = np.concatenate([self.before, self.logits]).astype(np.float64)
        sums = np.concatenate([np.zeros_like(past[:1]), past.cumsum(axis=0)])
        ends = np.arange(len(self.before), len(past)) + 1
        starts = np.maximum(ends - window, 0)
        # The sum and the mean have the same argmax.
        return (sums[ends] - sums[starts]).argmax(axis=1) == self.label

    def by_head(self, sizes: Sequence[int]) -> list["Streamed"]:
        """Returns the video as all heads together see it, and as each does.

        Args:
            sizes: The number of classes of each head.
        """
        ends = np.cumsum(sizes)[:-1]
        heads = [
            dataclasses.replace(self, label=label, logits=logits, before=before)
            for label, logits, before in zip(
                self.label,
                np.split(self.logits, ends, axis=1),
                np.split(self.before, ends, axis=1),
                strict=True,
            )
        ]
        return [_AllHeads(self, heads), *heads]


class Streamed(Protocol):
    """What the accuracy of a streamed video is computed from.

    `StreamedVideo` describes the members.
    """

    @property
    def clip(self) -> int: ...

    @property
    def position(self) -> int: ...

    def right(self, window: int) -> np.ndarray: ...


class _AllHeads:
    """A video whose prediction is right where those of all heads are."""

    def __init__(self, video, heads):
        self.clip, self.position = video.clip, video.position
        self._heads = heads

    def right(self, window):
        return np.all([head.right(window) for head in self._heads], axis=0)


@dataclasses.dataclass(frozen=True)
class StreamResults:
    """Accuracies in [0, 1], as tables whose rows are tuples.

    Attributes:
        videos: The number of videos that were streamed.
        by_fraction: Each row has the share of the video's frames that were
            seen, and the accuracy.
        by_frames: Each row has the number of frames that were seen, the
            accuracy, and the number of videos that are at least so long.
        by_position: Each row has the number of videos that were streamed
            before without a reset, the accuracy at the last frame, and the
            number of videos at this position.
        after_change: Each row has the number of frames since a video of
            another class ended, the accuracy with a reset between the two
            videos, the accuracy without one, and the number of videos that
            are at least so long.
    """

    videos: int
    by_fraction: list[tuple[float, float]]
    by_frames: list[tuple[int, float, int]]
    by_position: list[tuple[int, float, int]]
    after_change: list[tuple[int, float, float, int]]

    def after_others(self) -> tuple[float | None, int]:
        """Returns the accuracy without a reset, and the number of videos.

        The accuracy is measured at the last frame of every video that followed
        another one without a reset; it is None if there is no such video. All
        positions count, because the last one may have only one video.
        """
        rows = self.by_position[1:]
        videos = sum(count for _, _, count in rows)
        right = sum(accuracy * count for _, accuracy, count in rows)
        return (right / videos if videos else None), videos


class StreamSummary:
    """Counts the right predictions of streamed videos.

    Its memory is that of one video, however many there are.

    Args:
        window: As in `StreamedVideo.right`.
        changed: `[N]` bool, for each clip whether it follows one of another
            class in a chain.
    """

    def __init__(self, window: int, changed: np.ndarray):
        self._window, self._changed = window, changed
        self._videos = 0
        self._shares = np.zeros(len(_SHARES))
        self._by_frames, self._by_position = _Hits(), _Hits()
        self._with_reset, self._without = _Hits(), _Hits()

    def add_fresh(self, video: Streamed) -> None:
        """Adds a video that was streamed after a reset."""
        right = video.right(self._window)
        self._videos += 1
        # The last frame of each share, or the first frame at least.
        ends = np.floor((_SHARES + 1e-9) * len(right)).astype(int)
        self._shares += right[np.maximum(ends, 1) - 1]
        self._by_frames.add(right)
        if self._changed[video.clip]:
            self._with_reset.add(right)

    def add_chained(self, video: Streamed) -> None:
        """Adds a video that was streamed in a chain without resets."""
        right = video.right(self._window)
        self._by_position.add(right[-1:], start=video.position)
        if self._changed[video.clip]:
            self._without.add(right)

    def results(self) -> StreamResults:
        """Returns the accuracies of all videos that were added."""
        return StreamResults(
            videos=self._videos,
            by_fraction=[
                (float(share), float(hits / self._videos))
                for share, hits in zip(_SHARES, self._shares, strict=True)
            ],
            by_frames=self._by_frames.rows(1),
            by_position=self._by_position.rows(0),
            after_change=[
                (count, reset, kept, videos)
                for (count, reset, videos), (_, kept, _) in zip(
                    self._with_reset.rows(1), self._without.rows(1), strict=True
                )
            ],
        )


class _Hits:
    """Counts videos and right predictions at each place."""

    def __init__(self):
        self._hits, self._videos = np.zeros(0), np.zeros(0, int)

    def add(self, right, start=0):
        end = start + len(right)
        if end > len(self._hits):
            # Twice as long, so that all additions take a linear time.
            more = max(end, 2 * len(self._hits)) - len(self._hits)
            self._hits = np.pad(self._hits, (0, more))
            self._videos = np.pad(self._videos, (0, more))
        self._hits[start:end] += right
        self._videos[start:end] += 1

    def rows(self, first):
        """Returns (place, accuracy, number of videos); places from `first`."""
        counts = np.flatnonzero(self._videos)
        return [
            (
                int(place) + first,
                float(self._hits[place] / self._videos[place]),
                int(self._videos[place]),
            )
            for place in counts
        ]
