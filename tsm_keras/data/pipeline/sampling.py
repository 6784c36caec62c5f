"""Sampling: the frames of a video that make a clip.

Each rule is a pure function of a length and a seed, in the same ops eagerly
(any integers in, arrays out) and inside tf.data. Frame numbers are 0-based,
ascending and in range for every video of at least one frame. A seed, two
integers, draws at random for training; None gives the views of evaluation.

The formulas are those of the reference (`ops/dataset.py` of TSM, and I3D's
dense window), which count from 1. Where ours differ on purpose, they say so.
"""

import dataclasses

import tensorflow as tf

_METHODS = ("segments", "twice", "dense", "interval")


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """How clips are taken from videos.

    Attributes:
        method: How the frames of a clip are chosen: `"segments"` spreads them
            over the whole video (TSN; TSM on Something-Something and Jester);
            `"twice"` does the same in training and takes two clips per video
            in evaluation; `"dense"` takes them from a window of the video
            (I3D; TSM on Kinetics); `"interval"` takes them at the pace of a
            stream, `frame_interval` seconds of the model's config apart.
        window: Frames of the video that a `"dense"` clip spans.
        num_views: Clips per video of `"dense"` sampling in evaluation.

    Raises:
        ValueError: Names the field, what was expected and what was received.
    """

    method: str = "segments"
    window: int = 64
    num_views: int = 10

    def __post_init__(self):
        for field, valid, expected in (
            ("method", self.method in _METHODS, f"one of {_METHODS}"),
            ("window", self.window >= 1, "at least 1"),
            ("num_views", self.num_views >= 1, "at least 1"),
        ):
            if not valid:
                raise ValueError(
                    f"`{field}` must be {expected}. "
                    f"Received: {field}={getattr(self, field)!r}"
                )

    def clips_per_video(self, training: bool) -> int:
        """Returns V: 1 in training, as many as there are views otherwise."""
        views = {"twice": 2, "dense": self.num_views}
        return 1 if training else views.get(self.method, 1)


def clip_indices(
    num_frames: tf.Tensor | int,
    num_segments: int,
    config: SamplingConfig,
    *,
    interval: tf.Tensor | float = 0.0,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Takes the clips of a video by the method of a config.

    Args:
        num_frames: Length of the video, at least 1.
        num_segments: T.
        config: How.
        interval: Frames of the video between two of the clip, for
            `"interval"`.
        seed: Two integers for a clip of training, or None for evaluation.

    Returns:
        `[V, T]` int32, V as in `config.clips_per_video`.
    """
    if config.method == "dense":
        return dense_indices(
            num_frames,
            num_segments,
            seed,
            window=config.window,
            num_views=config.num_views,
        )
    if config.method == "interval":
        return interval_indices(num_frames, num_segments, interval, seed)[None]
    if config.method == "twice" and seed is None:
        return twice_indices(num_frames, num_segments)
    return segment_indices(num_frames, num_segments, seed)[None]


def segment_indices(
    num_frames: tf.Tensor | int,
    num_segments: int,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Takes one frame of each of T equal segments of a video (TSN).

    Segment k of a video of L frames gives, in evaluation, its centre
    `floor(L * (2k + 1) / (2T))`, the reference's rule, and in training
    `floor(L / T * (k + u))` with u uniform in [0, 1). The reference's training
    rule takes `L // T` for the tick and so never sees the last frames of most
    videos; this one covers them all, and treats a video and its reverse alike.
    Videos shorter than T repeat frames.

    Args:
        num_frames: L, at least 1.
        num_segments: T.
        seed: Two integers for a random draw, or None for the centres.

    Returns:
        `[T]` int32.
    """
    segments = tf.range(num_segments)
    if seed is None:
        return _share(num_frames, 2 * segments + 1, 2 * num_segments)
    within = tf.random.stateless_uniform([num_segments], seed)
    tick = tf.cast(num_frames, tf.float32) / num_segments
    indices = tick * (tf.cast(segments, tf.float32) + within)
    # Rounding may carry the last one past the end.
    return tf.minimum(tf.cast(indices, tf.int32), _last(num_frames))


def twice_indices(num_frames: tf.Tensor | int, num_segments: int) -> tf.Tensor:
    """Takes two clips of a video for evaluation (the `twice_sample` of TSM).

    Clip 0 has the segments' centres, `floor(L * (2k + 1) / (2T))`, clip 1
    their beginnings, `floor(L * k / T)`.

    Args:
        num_frames: L, at least 1.
        num_segments: T.

    Returns:
        `[2, T]` int32.
    """
    segments = tf.range(num_segments)
    beginnings = _share(num_frames, segments, num_segments)
    return tf.stack([segment_indices(num_frames, num_segments), beginnings])


def dense_indices(
    num_frames: tf.Tensor | int,
    num_segments: int,
    seed: tf.Tensor | None = None,
    *,
    window: int = 64,
    num_views: int = 10,
) -> tf.Tensor:
    """Takes frames at a fixed stride from windows of a video (as I3D does).

    Frame k of a clip is `min(start + k * stride, L - 1)` with
    `stride = max(1, window // T)`. With `free = max(0, L - window)`, start is
    uniform in 0..free in training, and `floor(v * free / (V - 1))` for view v
    in evaluation (`free // 2` if there is one view).

    In a video shorter than the window the last frame stands still where the
    reference begins anew at the first one, which tears the motion apart. The
    reference never draws the last start.

    Args:
        num_frames: L, at least 1.
        num_segments: T.
        seed: Two integers for one random clip, or None for the views.
        window: Frames a clip spans.
        num_views: V, clips in evaluation.

    Returns:
        `[1, T]` int32 with a seed, else `[V, T]`.
    """
    free = tf.maximum(tf.cast(num_frames, tf.int32) - window, 0)
    if seed is not None:
        starts = tf.random.stateless_uniform(
            [1], seed, minval=0, maxval=free + 1, dtype=tf.int32
        )
    elif num_views == 1:
        starts = free[None] // 2
    else:
        starts = _share(free, tf.range(num_views), num_views - 1)
    stride = dense_stride(num_segments, window)
    indices = starts[:, None] + stride * tf.range(num_segments)
    return tf.minimum(indices, _last(num_frames))


def dense_stride(num_segments: int, window: int = 64) -> int:
    """Returns how many frames further each of a dense clip's T frames is."""
    return max(1, window // num_segments)


def interval_indices(
    num_frames: tf.Tensor | int,
    num_segments: int,
    interval: tf.Tensor | float,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Takes frames at a fixed interval: what a stream sees.

    Frame k is `min(floor(start + k * interval), L - 1)`. With
    `free = max(0, L - (T - 1) * interval)`, start is `u * free`, u uniform in
    [0, 1) in training and 1/2 in evaluation. In a video that is too short the
    last frame stands still.

    Args:
        num_frames: L, at least 1.
        num_segments: T.
        interval: Frames of the video between two of the clip, above 0; need
            not be whole.
        seed: Two integers for a random draw, or None for the middle.

    Returns:
        `[T]` int32.
    """
    within = 0.5 if seed is None else tf.random.stateless_uniform([], seed)
    length = tf.cast(num_frames, tf.float32)
    interval = tf.cast(interval, tf.float32)
    start = within * tf.maximum(length - (num_segments - 1) * interval, 0.0)
    indices = start + interval * tf.range(num_segments, dtype=tf.float32)
    return tf.cast(tf.minimum(indices, length - 1), tf.int32)


def _share(num_frames, numerators, denominator):
    """Returns `floor(num_frames * numerators / denominator)`, exactly."""
    wide = tf.cast(num_frames, tf.int64) * tf.cast(numerators, tf.int64)
    return tf.cast(wide // denominator, tf.int32)


def _last(num_frames):
    return tf.cast(num_frames, tf.int32) - 1
