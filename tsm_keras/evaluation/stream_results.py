"""StreamResults: what was said in a stream, as accuracies."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedVideo:
    """What was said while a video ran.

    Attributes:
        clip: Its number.
        label: Its class.
        logits: `[n, K]` of its n frames.
        before: The same of the videos that ran before it since the state was
            last reset, `[m, K]`; m may be 0.
        position: How many videos that were.
        changed: Whether the last of them is of another class.
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
            window: Frames, up to that moment, whose logits are averaged; what
                ran before the video counts if it was not reset.
        """
        past = np.concatenate([self.before, self.logits]).astype(np.float64)
        sums = np.concatenate([np.zeros_like(past[:1]), past.cumsum(axis=0)])
        ends = np.arange(len(self.before), len(past)) + 1
        starts = np.maximum(ends - window, 0)
        # A sum has the argmax of its mean.
        return (sums[ends] - sums[starts]).argmax(axis=1) == self.label


@dataclasses.dataclass(frozen=True)
class StreamResults:
    """Accuracies in [0, 1]; a row of each table is a tuple.

    Attributes:
        videos: How many were streamed.
        by_fraction: Share of a video seen, accuracy.
        by_frames: Frames of the stream seen, accuracy, videos so long.
        by_position: Videos that ran before without a reset, accuracy at the
            last frame, videos.
        after_change: Frames since a video of another class ended, accuracy
            with a reset between the two, accuracy without, videos so long.
    """

    videos: int
    by_fraction: list[tuple[float, float]]
    by_frames: list[tuple[int, float, int]]
    by_position: list[tuple[int, float, int]]
    after_change: list[tuple[int, float, float, int]]

    def after_others(self) -> tuple[float | None, int]:
        """Returns the accuracy without a reset, and of how many videos it is.

        Of the last frames of all videos that others ran before. The last place
        of a chain alone may be one video: few chains are complete.
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
        fresh: Each video from a reset, by its clip's number.
        chained: The same videos in chains.
        window: As in `StreamedVideo.right`.
    """
    right = {clip: video.right(window) for clip, video in fresh.items()}
    longest = max(map(len, right.values()))
    fractions = np.arange(1, 11) / 10
    seen = [  # The last frame within the share, at least the first one.
        [x[max(int(np.floor(share * len(x))), 1) - 1] for x in right.values()]
        for share in fractions + 1e-9
    ]
    by_frames = []
    for count in range(1, longest + 1):
        long = [x[count - 1] for x in right.values() if len(x) >= count]
        by_frames.append((count, float(np.mean(long)), len(long)))
    by_position = []
    for position in range(max(video.position for video in chained) + 1):
        ends = [x.right(window)[-1] for x in chained if x.position == position]
        by_position.append((position, float(np.mean(ends)), len(ends)))
    changed = [video for video in chained if video.changed]
    after_change = []
    for count in range(1, max((len(x.logits) for x in changed), default=0) + 1):
        long = [video for video in changed if len(video.logits) >= count]
        with_reset = [right[video.clip][count - 1] for video in long]
        without = [video.right(window)[count - 1] for video in long]
        after_change.append(
            (
                count,
                float(np.mean(with_reset)),
                float(np.mean(without)),
                len(long),
            )
        )
    return StreamResults(
        videos=len(right),
        by_fraction=[
            (float(share), float(np.mean(x)))
            for share, x in zip(fractions, seen, strict=True)
        ],
        by_frames=by_frames,
        by_position=by_position,
        after_change=after_change,
    )
