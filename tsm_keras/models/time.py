"""Time: how the frames of a clip or of a stream come to one place.

A network is a 2-D network with marked places where time may mix. What is done
there is a temporal operator (`tsm_keras.models.operators`), written once
against `Time`. Whether the network sees whole clips or one frame after the
other depends on which `Time` it is built with.
"""

from typing import Any, NamedTuple, Protocol

from tensorflow import keras

from tsm_keras.layers.concatenate_channels import ConcatenateChannels
from tsm_keras.layers.delay_frames import DelayFrames
from tsm_keras.layers.running_mean import RunningMean
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.slice_channels import SliceChannels
from tsm_keras.layers.unfold_time import UnfoldTime


class Time(Protocol):
    """Gives a temporal operator the other frames of its input."""

    def delayed(self, x: Any, frames: int, *, name: str) -> Any:
        """Returns `x` as it was so many frames ago, zero before the start.

        An operator that needs several earlier frames of one tensor asks for
        the earliest first: that says how many frames a stream must remember.

        Args:
            x: `[N, H, W, C]` features.
            frames: How many frames ago; negative for frames ahead, which are
                zero after the end.
            name: For the layers that this takes.
        """

    def mean(self, x: Any, *, name: str) -> Any:
        """Returns the mean of `x` over the clip, or over the stream so far.

        Args:
            x: `[N, ..., C]` features of frames.
            name: For the layer that averages, in `full_precision()`.
        """


class ClipTime:
    """Whole clips, whose time is folded into the batch: `[B * T, H, W, C]`.

    If the batch size is known to be T, the batch is one clip, and no tensor
    has more axes than those of a frame.

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


class StreamTime:
    """One frame per stream, `[N, H, W, C]`, with caches for earlier frames.

    The caches are inputs and outputs of the network: `cache_00`, `cache_01`...
    in the order of the network, zero at the start of a stream, and
    `cache_00_out`... to be fed to them with the next frame. A cache of several
    frames holds them one after the other along its channels, the earliest
    first. Each output is a fresh slice or concatenation: an input that is
    passed through, or a tensor that something else consumes too, gives wrong
    values on some GPU delegates.

    Args:
        streams: N, the streams in one batch; None leaves it open.

    Attributes:
        inputs: The caches' inputs by name.
        outputs: The caches' outputs by name.
        frames: How many earlier frames each cache remembers, by name; 0 for
            all of them since the start of the stream.
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
            ValueError: If a frame ahead is asked for, or one from before the
                earliest that was asked for first.
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
        """See `Time`; returns the shape of `x`."""
        shape = (*x.shape[1:-1], x.shape[-1] + 1)
        cache_name, cache = self._new_cache(shape, frames=0)
        mean, fresh = RunningMean(dtype=full_precision(), name=name)((x, cache))
        self.outputs[f"{cache_name}_out"] = fresh
        return mean

    def _remember(self, x, frames):
        """Makes the cache that holds `x` of the last `frames` frames."""
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
    """Returns the dtype of what must not be rounded, such as logits.

    It is float64 if Keras is set to that, else float32, under mixed precision
    too.
    """
    policy = keras.mixed_precision.global_policy()
    return "float64" if policy.variable_dtype == "float64" else "float32"


def _fresh_slice(x, name):
    """Returns `x` once more, in a tensor of its own."""
    start, stop = 0, x.shape[-1]
    layer, *_ = x._keras_history
    if isinstance(layer, SliceChannels):
        # A slice of a slice would be two operations.
        x, start, stop = layer.input, layer.start, layer.stop
    return SliceChannels(start, stop, name=name)(x)


class _Memory(NamedTuple):
    """A tensor that a stream remembers."""

    x: Any  # Kept, so that its `id` stays its own.
    frames: int
    cache: Any
