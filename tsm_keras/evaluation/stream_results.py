"""StreamResults: the accuracies of videos that were streamed."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedVideo:
    """The logits of a streamed video and of the videos before it.

    Attributes:
        clip: The clip's number.
        label: The number of its class.
        logits: `[n, K]`, the logits of its n frames.
        before: `[m, K]`, the logits of all frames between the last reset and
            the video; m may be 0.
        position: How many videos ran between the last reset and this one.
        changed: Whether the last of these is of another class.
    """

    clip: int
    label: int
    logits: np.ndarray
    before: np.ndarray
    position: int
    changed: bool

    def right(self, window: int) -> np.ndarray:
        """Returns whether each moment's answer is right, `[n]` bool.

        Args:
            window: How many frames, up to each moment, have their logits
                averaged. Frames of earlier videos count if there was no reset.
        """
        past = np.concatenate([self.before, self.logits]).astype(np.float64)
        sums = np.concatenate([np.zeros_like(past[:1]), past.cumsum(axis=0)])
        ends = np.arange(len(self.before), len(past)) + 1
        starts = np.maximum(ends - window, 0)
        # A sum has the argmax of its mean.
        return (sums[ends] - sums[starts]).argmax(axis=1) == self.label


@dataclasses.dataclass(frozen=True)
class StreamResults:
    """Accuracies in [0, 1], as tables whose rows are tuples.

    Attributes:
        videos: How many videos were streamed.
        by_fraction: Rows of the share of a video that was seen and the
            accuracy.
        by_frames: Rows of the frames seen, the accuracy, and the number of
            videos that have so many frames.
        by_position: Rows of the number of videos that ran before without a
            reset, the accuracy at the last frame, and the number of videos.
        after_change: Rows of the frames since a video of another class ended,
            the accuracy with a reset between the two, the accuracy without
            one, and the number of videos that have so many frames.
    """

    videos: int
    by_fraction: list[tuple[float, float]]
    by_frames: list[tuple[int, float, int]]
    by_position: list[tuple[int, float, int]]
    after_change: list[tuple[int, float, float, int]]

    def after_others(self) -> tuple[float | None, int]:
        """Returns the accuracy without a reset, and the number of videos.

        It is measured at the last frames of all videos that ran after another
        one. Few chains are complete, so the last position alone may hold only
        one video.
        """
        rows = self.by_position[1:]
        videos = sum(count for _, _, count in rows)
        right = sum(accuracy * count for _, accuracy, count in rows)
        return (right / videos if videos else None), videos


def summarize(
    fresh: Mapping[int, StreamedVideo],
    chained: Sequence[StreamedVideo],
    window: int,
) -> StreamResults:
    """Returns the accuracies of videos that were streamed.

    Args:
        fresh: Each video, streamed from a reset, by its clip's number.
        chained: The same videos, streamed in chains without resets.
        window: As for `StreamedVideo.right`.
    """
    right = {clip: video.right(window) for clip, video in fresh.items()}
    fractions = np.arange(1, 11) / 10
    seen = [  # The last frame within the share, at least the first one.
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
    """Returns (frames seen, accuracy, videos so long), in linear time."""
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
