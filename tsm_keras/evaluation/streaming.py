"""stream_protocol: the accuracy of a causal model at each moment of a stream.

It measures how early in a video the prediction is right, whether accuracy drops
in a long stream, and how long a scene that has ended affects the prediction.
"""

import collections
import concurrent.futures
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.evaluation.stream_results import (
    StreamedVideo,
    StreamResults,
    StreamSummary,
)
from tsm_keras.models.config import TakesClips

_CHUNK = 16  # The number of frames of a chain that are decoded ahead.


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
    numbers = np.arange(clips.num_clips)
    if not any(
        len(_indices(clips, number, interval)) > 1 for number in numbers
    ):
        raise ValueError(
            "`frame_interval` must be shorter than the videos: a stream would "
            "see one frame of each. "
            f"Received: frame_interval={interval!r}"
        )
    order = np.random.default_rng(seed).permutation(numbers)
    chains = [order[i : i + chain] for i in range(0, len(order), chain)]
    sizes = [len(head.label_names) for head in clips.heads]
    changed = _changed(clips, chains)
    windows = {"frame": 1, "window": config.clip.num_segments}
    summaries = [
        {
            kind: StreamSummary(window, changed[place])
            for kind, window in windows.items()
        }
        for place in range(len(changed))
    ]
    done = 0
    for some, add in (
        (numbers[:, None], StreamSummary.add_fresh),
        (chains, StreamSummary.add_chained),
    ):
        for video in stream_chains(streamer, clips, config, some, interval):
            parts = video.by_head(sizes) if len(sizes) > 1 else [video]
            for part, of_part in zip(parts, summaries, strict=True):
                for summary in of_part.values():
                    add(summary, part)
            done += 1
            if progress:
                progress(done, 2 * len(numbers))
    names = [""]
    if len(sizes) > 1:
        names = ["all_", *(f"{head.name}_" for head in clips.heads)]
    return {
        f"{name}{kind}": summary.results()
        for name, of_part in zip(names, summaries, strict=True)
        for kind, summary in of_part.items()
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
    chains: Iterable[Iterable[int]],
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
    size = config.input.image_size
    frames = np.zeros((streamer.streams, size, size, 3), np.uint8)
    running: list[_Chain | None] = [None] * streamer.streams
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    try:
        waiting = _begun(pool, clips, config, chains, interval)
        while True:
            for stream, current in enumerate(running):
                if current is None and (new := next(waiting, None)):
                    running[stream] = new
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
    finally:
        pool.shutdown(cancel_futures=True)


def _begun(pool, clips, config, chains, interval):
    """Yields chains, of which the next ones are being decoded already."""
    ahead: collections.deque[_Chain] = collections.deque()
    for numbers in chains:
        ahead.append(_Chain(pool, clips, config, numbers, interval))
        if len(ahead) > (os.cpu_count() or 1):
            yield ahead.popleft().begin()
    while ahead:
        yield ahead.popleft().begin()


class _Chain:
    """A chain that is being streamed; `next_frame` is None at its end."""

    def __init__(self, pool, clips, config, numbers, interval):
        frames = (
            (position, int(number), is_last, frame)
            for position, number in enumerate(numbers)
            for is_last, frame in _video_frames(clips, config, number, interval)
        )
        self._frames = _ahead(pool, frames)
        self._clips = clips
        # What a window that ends in the next frame still needs.
        self._past = collections.deque(maxlen=config.clip.num_segments - 1)
        self._logits = []
        self._waiting = collections.deque()

    @property
    def waiting(self):
        """The number of frames that were taken and have no logits so far."""
        return len(self._waiting)

    def take(self):
        """Notes that the network has taken `next_frame`."""
        self._waiting.append(self._about)
        self._advance()

    def begin(self):
        """Waits for the first frame."""
        self._advance()
        return self

    def add(self, logits):
        """Takes the logits of the first frame that waits for them.

        Yields:
            The video of the frame, if it was the last one.
        """
        position, number, is_last = self._waiting.popleft()
        self._logits.append(logits)
        if is_last:
            yield StreamedVideo(
                clip=number,
                label=self._clips.describe(number)["label"].numpy(),
                logits=np.stack(self._logits),
                before=np.array(self._past).reshape(-1, len(logits)),
                position=position,
            )
            self._past.extend(self._logits)
            self._logits = []

    def _advance(self):
        *self._about, self.next_frame = next(self._frames, (None,))


def _ahead(pool, items):
    """Returns an iterator over items, of which a thread makes the next ones."""

    def take():
        return list(itertools.islice(items, _CHUNK))

    def chunks(future):
        while chunk := future.result():
            future = pool.submit(take)
            yield from chunk

    return chunks(pool.submit(take))


def _video_frames(clips, config, number, interval):
    """Yields whether a frame is the video's last, and the frame."""
    indices = _indices(clips, number, interval)
    frames = clips.iterate(
        int(number),
        indices,
        config.input.resize_size,
        lambda shape: center_box(shape, config.input.image_size),
    )
    for place, frame in enumerate(frames, start=1):
        yield place == len(indices), frame


def _indices(clips, number, interval):
    """Returns the numbers of the frames of a video that a stream sees."""
    about = clips.describe(number)
    step = interval * float(about["frame_rate"])
    if not step > 0:
        raise ValueError(
            "A stream needs videos whose frame rate is known. "
            f"Received: {float(about['frame_rate'])} for clip {number}"
        )
    return np.arange(0, int(about["num_frames"]), step).astype(np.int32)


def _changed(clips, chains):
    """Returns whether a video follows one of another class in its chain.

    Returns:
        One array with a value per video; with several heads, one for all heads
        together, in which any of them changes, and one per head.
    """
    labels = clips.describe(np.arange(clips.num_clips))["label"].numpy()
    changed = np.zeros(labels.shape, bool)
    for chain in chains:
        changed[chain[1:]] = labels[chain[1:]] != labels[chain[:-1]]
    return [changed] if changed.ndim == 1 else [changed.any(1), *changed.T]
