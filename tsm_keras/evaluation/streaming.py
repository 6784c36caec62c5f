"""stream_protocol: the accuracy of a causal model at each moment of a stream.

It measures how early in a video the prediction is right, whether accuracy drops
in a long stream, and how long a scene that has ended affects the prediction.
"""

import collections
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
from tsm_keras.models.config import TakesClips

_CHUNK = 32  # The number of frames of a video that are decoded at a time.


class Streamer(Protocol):
    """A network that takes the next frame of N streams and keeps their state.

    `StreamingClassifier` implements this protocol.

    Attributes:
        streams: The number of streams, N.
        delay: The number of steps by which logits are later than their frames.
    """

    streams: int
    delay: int

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Takes `[N, S, S, 3]` uint8 frames; returns `[N, K]` logits.

        They are those of the frames `delay` steps ago, and have no meaning for
        a stream that had not begun then. With several heads, their logits are
        side by side.
        """

    def finish(self, stream: int) -> list[np.ndarray]:
        """Ends a stream; returns `delay` times what `step` returns.

        Only the rows of this stream have a meaning, and only the last n if it
        has had fewer than `delay` frames, n.
        """

    def reset(self, stream: int | None = None) -> None:
        """Clears the state of one stream, or of all streams for None."""


def stream_protocol(
    streamer: Streamer,
    clips: ClipReader,
    config: TakesClips,
    *,
    frame_interval: float | None = None,
    chain: int = 8,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, StreamResults]:
    """Streams all videos twice: with a reset before each, and in chains.

    Args:
        streamer: A network in its streaming form.
        clips: The videos, from `open_clips`.
        config: The config of the network.
        frame_interval: Seconds of video between two frames of the stream; None
            for the `frame_interval` of `config`.
        chain: The number of videos per chain, which follow each other without
            a reset.
        seed: Seed of the order of the videos in the chains.
        progress: Called with the number of videos done and of all videos.

    Returns:
        Two results: `"frame"` takes the prediction from the logits of the last
        frame, `"window"` from the mean over the last `num_segments` frames.
        With several heads, such results for each head, `"verb_frame"` and so
        on, after those for all heads, `"all_frame"` and `"all_window"`, for
        which a prediction is right if all heads are.

    Raises:
        ValueError: If the interval is unknown, not positive or not finite, if
            it is so long that a stream would see one frame of every video, or
            if the frame rate of a video is unknown.
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
    windows = {"frame": 1, "window": config.clip.num_segments}
    if len(clips.heads) == 1:
        return {
            kind: summarize(fresh, chained, window)
            for kind, window in windows.items()
        }
    sizes = [len(head.label_names) for head in clips.heads]
    by_head = {clip: video.by_head(sizes) for clip, video in fresh.items()}
    chained_by_head = [video.by_head(sizes) for video in chained]
    names = ["all", *(head.name for head in clips.heads)]
    return {
        f"{name}_{kind}": summarize(
            {clip: videos[place] for clip, videos in by_head.items()},
            [videos[place] for videos in chained_by_head],
            window,
        )
        for place, name in enumerate(names)
        for kind, window in windows.items()
    }


def stream_interval(config: TakesClips, frame_interval: float | None) -> float:
    """Returns the seconds between two frames; see `stream_protocol`.

    Raises:
        ValueError: If the interval is unknown, not positive or not finite.
    """
    interval = (
        config.clip.frame_interval if frame_interval is None else frame_interval
    )
    if not 0 < interval < np.inf:
        raise ValueError(
            "`frame_interval` must be a positive, finite number of seconds; "
            f"that of the model is {config.clip.frame_interval} (0 means "
            f"unknown). Received: frame_interval={interval!r}"
        )
    return interval


def stream_chains(
    streamer: Streamer,
    clips: ClipReader,
    config: TakesClips,
    chains: Sequence[Sequence[int]],
    interval: float,
) -> Iterator[StreamedVideo]:
    """Streams chains of videos, one chain per stream at a time.

    Args:
        streamer: The network, which is reset at the start of every chain.
        clips: As in `stream_protocol`.
        config: As in `stream_protocol`.
        chains: The numbers of the clips of each chain.
        interval: Seconds of video between two frames.

    Yields:
        Every video of every chain, once it has ended.
    """
    waiting = iter(chains)
    size = config.input.image_size
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
            current.take()
            if current.waiting > streamer.delay:
                yield from current.add(logits[stream])
            if current.next_frame is None:
                if current.waiting:
                    rest = streamer.finish(stream)[-current.waiting :]
                    for logits_of_step in rest:
                        yield from current.add(logits_of_step[stream])
                running[stream] = None


class _Chain:
    """A chain that is being streamed; `next_frame` is None at its end."""

    def __init__(self, clips, config, numbers, interval):
        self._frames = (
            (position, int(number), is_last, frame)
            for position, number in enumerate(numbers)
            for is_last, frame in _video_frames(clips, config, number, interval)
        )
        self._clips = clips
        self._before, self._logits, self._last_label = [], [], None
        self._waiting = collections.deque()
        self._advance()

    @property
    def waiting(self):
        """The number of frames that were taken and have no logits so far."""
        return len(self._waiting)

    def take(self):
        """Notes that the network has taken `next_frame`."""
        self._waiting.append(self._about)
        self._advance()

    def add(self, logits):
        """Takes the logits of the first frame that waits for them.

        Yields:
            The video of the frame, if it was the last one.
        """
        position, number, is_last = self._waiting.popleft()
        self._logits.append(logits)
        if is_last:
            label = self._clips.describe(number)["label"].numpy()
            yield StreamedVideo(
                clip=number,
                label=label,
                logits=np.stack(self._logits),
                before=np.array(self._before).reshape(-1, len(logits)),
                position=position,
                changed=np.not_equal(self._last_label, label)
                if self._before
                else np.zeros_like(label, bool),
            )
            self._before += self._logits
            self._logits, self._last_label = [], label

    def _advance(self):
        *self._about, self.next_frame = next(self._frames, (None,))


def _video_frames(clips, config, number, interval):
    """Yields whether a frame is the video's last, and the frame."""
    count, step = _count_and_step(clips, number, interval)
    indices = np.arange(0, count, step).astype(np.int32)
    for start in range(0, len(indices), _CHUNK):
        chunk = read_frames(
            clips,
            number,
            indices[start : start + _CHUNK],
            config.input.resize_size,
            lambda shape: center_box(shape, config.input.image_size),
        )
        for place, frame in enumerate(chunk, start=start):
            yield place == len(indices) - 1, frame


def _count_and_step(clips, number, interval):
    """Returns the number of frames of a video, and of frames per interval."""
    about = clips.describe(number)
    step = interval * float(about["frame_rate"])
    if not step > 0:
        raise ValueError(
            "A stream needs videos whose frame rate is known. "
            f"Received: {float(about['frame_rate'])} for clip {number}"
        )
    return int(about["num_frames"]), step
