"""Sampling: the rules that choose the frames of a clip from a video.

Each rule is a pure function of the video's length and a seed, and works eagerly
and inside tf.data. Frame numbers start at 0, ascend and are in range for every
video of at least one frame. A seed, two integers, gives a random clip for
training; None gives the clips of evaluation.

The formulas are those of the authors' code (`ops/dataset.py` of TSM, and I3D's
dense window), which counts frames from 1. Intended differences are described at
each function.
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
            (I3D; TSM on Kinetics); `"interval"` takes them as a stream does,
            `frame_interval` seconds of the model's config apart.
        window: The number of frames of the video that a `"dense"` clip spans.
        num_views: The number of clips per video that `"dense"` sampling takes
            in evaluation.
        balanced: Whether an epoch of training has equally many clips of each
            class: clips of rare classes then come several times, and not all
            clips of frequent ones come. With several heads, a clip comes in
            proportion to the mean, over the heads, of how rare its class is.

    Raises:
        ValueError: If a field is out of range.
    """

    method: str = "segments"
    window: int = 64
    num_views: int = 10
    balanced: bool = False

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

    def one_view(self) -> "SamplingConfig":
        """Returns the same sampling with one clip per video in evaluation."""
        method = "segments" if self.method == "twice" else self.method
        return dataclasses.replace(self, method=method, num_views=1)

    def clips_per_video(self, training: bool) -> int:
        """Returns the number of clips per video, which is 1 in training."""
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
    """Chooses the frames of the V clips of a video by `config.method`.

    Args:
        num_frames: The number of frames of the video, at least 1.
        num_segments: The number of frames per clip, T.
        config: The method and its settings.
        interval: The number of frames of the video from one frame of the clip
            to the next, for `"interval"`.
        seed: `[2]` integers for a clip of training, or None for evaluation.

    Returns:
        `[V, T]` int32 frame numbers; V is `config.clips_per_video`.
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
    """Takes one frame from each of T equal segments of a video (TSN).

    In evaluation, segment k of a video of L frames gives its centre,
    `floor(L * (2k + 1) / (2T))`, as in the authors' code. In training it gives
    `floor(L / T * (k + u))` with u uniform in [0, 1). The authors' code uses
    segments of `L // T` frames in training and so never sees the last frames of
    most videos; this rule covers all frames, and treats a video and its reverse
    alike. Videos shorter than T repeat frames.

    Args:
        num_frames: The number of frames of the video, L, at least 1.
        num_segments: The number of frames per clip, T.
        seed: `[2]` integers for a random draw, or None for the centres.

    Returns:
        `[T]` int32 frame numbers.
    """
    segments = tf.range(num_segments)
    if seed is None:
        return _share(num_frames, 2 * segments + 1, 2 * num_segments)
    within = tf.random.stateless_uniform([num_segments], seed)
    tick = tf.cast(num_frames, tf.float32) / num_segments
    indices = tick * (tf.cast(segments, tf.float32) + within)
    # Rounding may move the last frame past the end.
    return tf.minimum(tf.cast(indices, tf.int32), _last(num_frames))


def twice_indices(num_frames: tf.Tensor | int, num_segments: int) -> tf.Tensor:
    """Takes two clips of a video for evaluation (the `twice_sample` of TSM).

    Clip 0 has the centres of the segments, `floor(L * (2k + 1) / (2T))`; clip 1
    has their first frames, `floor(L * k / T)`.

    Args:
        num_frames: The number of frames of the video, L, at least 1.
        num_segments: The number of frames per clip, T.

    Returns:
        `[2, T]` int32 frame numbers.
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

    There are two differences from the authors' code: it continues a video that
    is shorter than the window with its first frame, which breaks the motion,
    where this rule repeats the last frame; and it never draws the last start.

    Args:
        num_frames: The number of frames of the video, L, at least 1.
        num_segments: The number of frames per clip, T.
        seed: `[2]` integers for one random clip, or None for all views.
        window: The number of frames of the video that a clip spans.
        num_views: The number of clips per video in evaluation, V.

    Returns:
        `[1, T]` int32 frame numbers with a seed, `[V, T]` without.
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
    """Returns the step between neighbouring frames of a dense clip."""
    return max(1, window // num_segments)


def interval_indices(
    num_frames: tf.Tensor | int,
    num_segments: int,
    interval: tf.Tensor | float,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Takes frames at a fixed interval of time, as a stream does.

    Frame k is `min(floor(start + k * interval), L - 1)`. With
    `free = max(0, L - (T - 1) * interval)`, start is `u * free`, where u is
    uniform in [0, 1) in training and 1/2 in evaluation. A video that is too
    short repeats its last frame.

    Args:
        num_frames: The number of frames of the video, L, at least 1.
        num_segments: The number of frames per clip, T.
        interval: The number of frames of the video from one frame of the clip
            to the next, above 0; it may be fractional.
        seed: `[2]` integers for a random draw, or None for the middle.

    Returns:
        `[T]` int32 frame numbers.
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
