"""stream_protocol: how good a causal model is at each moment of a stream.

The questions of whoever runs one: how early does it know, does it tire of a
long stream, and how long does it talk about a scene that is gone?
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.readers.clip_reader import ClipReader, read_frames
from tsm_keras.evaluation.stream_results import (
    StreamedVideo,
    StreamResults,
    summarize,
)
from tsm_keras.models.config import VideoClassifierConfig

_CHUNK = 32  # Frames of a video that are decoded at a time.


class Streamer(Protocol):
    """A network that takes the next frame of N streams, and keeps its state.

    `StreamingClassifier` is one.

    Attributes:
        streams: N.
    """

    streams: int

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Takes `[N, S, S, 3]` uint8; returns `[N, K]` logits."""

    def reset(self, stream: int | None = None) -> None:
        """Starts one stream anew, or all."""


def stream_protocol(
    streamer: Streamer,
    clips: ClipReader,
    config: VideoClassifierConfig,
    *,
    frame_interval: float | None = None,
    chain: int = 8,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, StreamResults]:
    """Streams all videos twice: each from a reset, and in chains without.

    Args:
        streamer: A network in its streaming form.
        clips: From `open_clips`.
        config: Of the network.
        frame_interval: Seconds of video between two frames that the network
            is fed; None for those of its training.
        chain: Videos that follow each other without a reset.
        seed: Of the order of the videos in the chains.
        progress: Called with (videos done, videos in all).

    Returns:
        Results by how an answer is read: `"frame"`, the last frame's logits,
        and `"window"`, the mean over the last `num_segments` frames.

    Raises:
        ValueError: If no interval is known, one is not positive and finite, or
            of every video a stream would see one frame.
    """
    interval = stream_interval(config, frame_interval)
    paces = (
        _count_and_step(clips, number, interval)
        for number in range(clips.num_clips)
    )
    if not any(step < count for count, step in paces):
        raise ValueError(
            "`frame_interval` must be shorter than the videos: a stream would "
            "see one frame of each. "
            f"Received: frame_interval={interval!r}"
        )
    numbers = np.arange(clips.num_clips)
    order = np.random.default_rng(seed).permutation(numbers)
    chains = [order[i : i + chain] for i in range(0, len(order), chain)]
    done = 0

    def videos(chains):
        nonlocal done
        for video in stream_chains(streamer, clips, config, chains, interval):
            done += 1
            if progress:
                progress(done, 2 * len(numbers))
            yield video

    fresh = {video.clip: video for video in videos(numbers[:, None])}
    chained = list(videos(chains))
    return {
        "frame": summarize(fresh, chained, 1),
        "window": summarize(fresh, chained, config.num_segments),
    }


def stream_interval(
    config: VideoClassifierConfig, frame_interval: float | None
) -> float:
    """Returns the seconds between two frames; see `stream_protocol`.

    Raises:
        ValueError: If they are unknown, or not positive and finite.
    """
    interval = (
        config.frame_interval if frame_interval is None else frame_interval
    )
    if not 0 < interval < np.inf:
        raise ValueError(
            "`frame_interval` must be positive, finite seconds; the model was "
            f"trained at {config.frame_interval} (0: unknown). "
            f"Received: frame_interval={interval!r}"
        )
    return interval


def stream_chains(
    streamer: Streamer,
    clips: ClipReader,
    config: VideoClassifierConfig,
    chains: Sequence[Sequence[int]],
    interval: float,
) -> Iterator[StreamedVideo]:
    """Streams chains of videos, as many side by side as there are streams.

    Args:
        streamer: It is reset at the beginning of every chain.
        clips: As in `stream_protocol`.
        config: As in `stream_protocol`.
        chains: Numbers of clips.
        interval: Seconds.

    Yields:
        Every video of every chain, when it has ended.
    """
    waiting = iter(chains)
    size = config.image_size
    frames = np.zeros((streamer.streams, size, size, 3), np.uint8)
    running: list[_Chain | None] = [None] * streamer.streams
    while True:
        for stream, current in enumerate(running):
            if current is None and (numbers := next(waiting, None)) is not None:
                running[stream] = _Chain(clips, config, numbers, interval)
                streamer.reset(stream)
        active = [(i, x) for i, x in enumerate(running) if x is not None]
        if not active:
            return
        for stream, current in active:
            frames[stream] = current.next_frame
        logits = streamer.step(frames)
        for stream, current in active:
            if (video := current.add(logits[stream])) is not None:
                yield video
            if current.next_frame is None:
                running[stream] = None


class _Chain:
    """A chain that is running; `next_frame` is None at its end."""

    def __init__(self, clips, config, numbers, interval):
        self._frames = (
            (position, int(number), is_last, frame)
            for position, number in enumerate(numbers)
            for is_last, frame in _video_frames(clips, config, number, interval)
        )
        self._clips = clips
        self._before, self._logits, self._last_label = [], [], None
        self._advance()

    def add(self, logits):
        """Takes the logits of `next_frame`; returns a video that has ended."""
        position, number, is_last = self._about
        self._logits.append(logits)
        video = None
        if is_last:
            label = int(self._clips.describe(number)["label"])
            video = StreamedVideo(
                clip=number,
                label=label,
                logits=np.stack(self._logits),
                before=np.array(self._before).reshape(-1, len(logits)),
                position=position,
                changed=self._last_label not in (None, label),
            )
            self._before += self._logits
            self._logits, self._last_label = [], label
        self._advance()
        return video

    def _advance(self):
        *self._about, self.next_frame = next(self._frames, (None,))


def _video_frames(clips, config, number, interval):
    """Yields the frames that a stream sees, and whether each is the last."""
    count, step = _count_and_step(clips, number, interval)
    indices = np.arange(0, count, step).astype(np.int32)
    for start in range(0, len(indices), _CHUNK):
        chunk = read_frames(
            clips,
            number,
            indices[start : start + _CHUNK],
            config.resize_size,
            lambda shape: center_box(shape, config.image_size),
        )
        for place, frame in enumerate(chunk, start=start):
            yield place == len(indices) - 1, frame


def _count_and_step(clips, number, interval):
    """Returns the frames of a video, and how many of them an interval has."""
    about = clips.describe(number)
    step = interval * float(about["frame_rate"])
    if not step > 0:
        raise ValueError(
            "A stream needs videos whose frame rate is known. "
            f"Received: {float(about['frame_rate'])} for clip {number}"
        )
    return int(about["num_frames"]), step
