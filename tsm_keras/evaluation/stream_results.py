"""StreamResults: the accuracy of a stream at each moment of its videos."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedVideo:
    """The logits of a streamed video and of the videos before it.

    Attributes:
        clip: Number of the clip.
        label: Number of the clip's class; with several heads, one per head.
        logits: `[n, K]`, the logits of the n frames of the video; with several
            heads, their logits side by side.
        before: `[m, K]`, the logits of all frames between the last reset of
            the stream and this video; m may be 0.
        position: The number of videos between the last reset and this one.
        changed: Whether the video directly before this one, without a reset
            between them, has another class; with several heads, one per head.
    """

    clip: int
    label: Any
    logits: np.ndarray
    before: np.ndarray
    position: int
    changed: Any

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
            dataclasses.replace(
                self, label=label, logits=logits, before=before, changed=changed
            )
            for label, logits, before, changed in zip(
                self.label,
                np.split(self.logits, ends, axis=1),
                np.split(self.before, ends, axis=1),
                self.changed,
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

    @property
    def changed(self) -> Any: ...

    def right(self, window: int) -> np.ndarray: ...


class _AllHeads:
    """A video whose prediction is right where those of all heads are."""

    def __init__(self, video, heads):
        self.clip, self.position = video.clip, video.position
        self.changed = any(video.changed)
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


def summarize(
    fresh: Mapping[int, Streamed],
    chained: Sequence[Streamed],
    window: int,
) -> StreamResults:
    """Computes the accuracies of streamed videos.

    Args:
        fresh: Each video, streamed after a reset, by the number of its clip.
        chained: The same videos, streamed in chains without resets.
        window: As in `StreamedVideo.right`.
    """
    right = {clip: video.right(window) for clip, video in fresh.items()}
    fractions = np.arange(1, 11) / 10
    seen = [  # At the last frame of each share, or the first frame at least.
        [x[max(int(np.floor(share * len(x))), 1) - 1] for x in right.values()]
        for share in fractions + 1e-9
    ]
    continued = [(video, video.right(window)) for video in chained]
    ends: dict[int, list[bool]] = {}
    for video, answers in continued:
        ends.setdefault(video.position, []).append(answers[-1])
    changed = [pair for pair in continued if pair[0].changed]
    with_reset = _by_frame([right[video.clip] for video, _ in changed])
    without = _by_frame([answers for _, answers in changed])
    return StreamResults(
        videos=len(right),
        by_fraction=[
            (float(share), float(np.mean(x)))
            for share, x in zip(fractions, seen, strict=True)
        ],
        by_frames=_by_frame([*right.values()]),
        by_position=[
            (position, float(np.mean(ends[position])), len(ends[position]))
            for position in sorted(ends)
        ],
        after_change=[
            (count, reset, kept, videos)
            for (count, reset, videos), (_, kept, _) in zip(
                with_reset, without, strict=True
            )
        ],
    )


def _by_frame(answers):
    """Returns (frames seen, accuracy, number of videos that are so long)."""
    longest = max(map(len, answers), default=0)
    hits, videos = np.zeros(longest), np.zeros(longest, int)
    for each in answers:
        hits[: len(each)] += each
        videos[: len(each)] += 1
    return [
        (count, float(hit / number), int(number))
        for count, (hit, number) in enumerate(
            zip(hits, videos, strict=True), start=1
        )
    ]
