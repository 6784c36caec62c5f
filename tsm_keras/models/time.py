"""Time: gives a frame's features access to those of other frames.

A network is a 2-D network with marked places (marks) where features of
different frames may mix. A temporal operator (`tsm_keras.models.operators`)
mixes them there; it is written once, and reaches the other frames through
`Time` only. The `Time` that a network is built with decides whether the network
sees whole clips (`ClipTime`) or one frame after the other (`StreamTime`).
"""

from typing import Any, NamedTuple, Protocol

from tensorflow import keras

from tsm_keras.layers.concatenate_channels import ConcatenateChannels
from tsm_keras.layers.delay_frames import DelayFrames
from tsm_keras.layers.running_mean import MeanSoFar, RunningMean
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.slice_channels import SliceChannels
from tsm_keras.layers.unfold_time import UnfoldTime


class Time(Protocol):
    """Gives a temporal operator the other frames of its input."""

    def delayed(self, x: Any, frames: int, *, name: str) -> Any:
        """Returns `x` as it was `frames` frames ago, zero before the start.

        An operator that needs several earlier frames of one tensor asks for
        the earliest first, so that a stream learns from the first request how
        many frames it must remember.

        Args:
            x: `[N, H, W, C]` features.
            frames: The number of frames to go back. A negative number looks
                ahead; frames after the end are zero.
            name: The name of the layers that this adds.
        """

    def mean(self, x: Any, *, name: str) -> Any:
        """Returns the mean of `x` over the clip, or over the stream so far.

        Args:
            x: `[N, ..., C]` features, one row per frame.
            name: The name of the layer that averages. It computes in
                `full_precision()`.
        """

    def mean_so_far(self, x: Any, *, name: str) -> Any:
        """Returns the mean of `x` over the present and all earlier frames.

        Args:
            x: `[N, 1, 1, C]` features, one row per frame.
            name: The name of the layer that averages. It computes in
                `full_precision()`.
        """


class ClipTime:
    """Reaches the other frames of whole clips, `[B * T, H, W, C]`.

    Time is folded into the batch. If the batch size is known to be T, the batch
    is one clip, and no tensor has more than 4 axes.

    Args:
        num_segments: Frames per clip, T.
    """

    def __init__(self, num_segments: int):
        self.num_segments = num_segments

    def delayed(self, x: Any, frames: int, *, name: str) -> Any:
        """See `Time`."""
        if frames == 0:
            return x
        return DelayFrames(self.num_segments, frames, name=name)(x)

    def mean(self, x: Any, *, name: str) -> Any:
        """See `Time`; returns `[B, ..., C]`."""
        dtype = full_precision()
        clips = UnfoldTime(
            self.num_segments, dtype=dtype, name=f"frame_{name}"
        )(x)
        return SegmentConsensus(dtype=dtype, name=name)(clips)

    def mean_so_far(self, x: Any, *, name: str) -> Any:
        """See `Time`; returns the shape of `x`."""
        return MeanSoFar(self.num_segments, dtype=full_precision(), name=name)(
            x
        )


class StreamTime:
    """Reaches earlier frames through caches, with one frame per stream.

    Features are `[N, H, W, C]`. The caches are inputs of the network,
    `cache_00`, `cache_01` and so on in network order, which are zero at the
    start of a stream. Its outputs `cache_00_out` and so on are fed to them
    with the next frame. A cache of several frames holds them one after the
    other along its channels, the earliest first. Each cache output is a slice
    or a concatenation that nothing else reads: some GPU delegates compute
    wrong values when an input is passed through to an output, or when another
    operation reads an output too.

    Args:
        streams: N, the number of streams in a batch; None allows any number.

    Attributes:
        inputs: The input of each cache, by name.
        outputs: The output of each cache, by name.
        frames: The number of earlier frames that each cache remembers, by
            name; 0 for all frames since the start of the stream.
    """

    def __init__(self, streams: int | None = 1):
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.frames: dict[str, int] = {}
        self._streams = streams
        self._memories: dict[int, _Memory] = {}

    def delayed(self, x: Any, frames: int, *, name: str) -> Any:
        """See `Time`.

        Raises:
            ValueError: If `frames` is negative, or larger than it was in the
                first call for the same `x`.
        """
        if frames < 0:
            raise ValueError(
                "A stream has not seen the frames ahead, so a temporal "
                "operator that looks ahead cannot stream: use a causal one. "
                f"Received: frames={frames}, name={name!r}"
            )
        if frames == 0:
            return x
        memory = self._memories.get(id(x))
        if memory is None:
            memory = self._memories[id(x)] = self._remember(x, frames)
        if frames > memory.frames:
            raise ValueError(
                "The earliest frame of a tensor must be asked for first; that "
                f"was the one {memory.frames} frames ago. "
                f"Received: frames={frames}, name={name!r}"
            )
        if memory.frames == 1:
            return memory.cache
        channels = x.shape[-1]
        start = (memory.frames - frames) * channels
        return SliceChannels(start, start + channels, name=name)(memory.cache)

    def mean(self, x: Any, *, name: str) -> Any:
        """See `Time`; this is the mean so far, in the shape of `x`."""
        return self.mean_so_far(x, name=name)

    def mean_so_far(self, x: Any, *, name: str) -> Any:
        """See `Time`; returns the shape of `x`."""
        shape = (*x.shape[1:-1], x.shape[-1] + 1)
        cache_name, cache = self._new_cache(shape, frames=0)
        mean, fresh = RunningMean(dtype=full_precision(), name=name)((x, cache))
        self.outputs[f"{cache_name}_out"] = fresh
        return mean

    def _remember(self, x, frames):
        """Adds the cache that holds the last `frames` values of `x`."""
        channels = x.shape[-1]
        shape = (*x.shape[1:-1], frames * channels)
        cache_name, cache = self._new_cache(shape, frames)
        if frames == 1:
            fresh = _fresh_slice(x, f"{cache_name}_next")
        else:
            later = SliceChannels(
                channels, frames * channels, name=f"{cache_name}_later"
            )(cache)
            fresh = ConcatenateChannels(name=f"{cache_name}_next")([later, x])
        self.outputs[f"{cache_name}_out"] = fresh
        return _Memory(x, frames, cache)

    def _new_cache(self, shape, frames):
        name = f"cache_{len(self.inputs):02d}"
        self.frames[name] = frames
        self.inputs[name] = keras.Input(
            shape, batch_size=self._streams, name=name
        )
        return name, self.inputs[name]


def full_precision() -> str:
    """Returns the dtype for values that must stay precise, such as logits.

    It is float64 if Keras is set to float64, and float32 otherwise, even under
    mixed precision.
    """
    policy = keras.mixed_precision.global_policy()
    return "float64" if policy.variable_dtype == "float64" else "float32"


def _fresh_slice(x, name):
    """Returns a copy of `x`, made by a slice."""
    start, stop = 0, x.shape[-1]
    layer, *_ = x._keras_history
    if isinstance(layer, SliceChannels):
        # Slicing a slice would cost two operations.
        x, start, stop = layer.input, layer.start, layer.stop
    return SliceChannels(start, stop, name=name)(x)


class _Memory(NamedTuple):
    """A tensor that a stream remembers."""

    x: Any  # Kept alive, so that no other tensor gets its `id`.
    frames: int
    cache: Any
