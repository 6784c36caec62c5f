"""StreamTime: gives a frame of a stream access to the frames around it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tensorflow import keras

from tsm_keras.layers.channels import ConcatenateChannels, SliceChannels
from tsm_keras.layers.channelwise_convolution import ChannelwiseConvolution
from tsm_keras.layers.running_mean import RunningMean
from tsm_keras.models.time import Time, full_precision


class StreamTime:
    """Reaches earlier frames through caches, with one frame per stream.

    Features are `[N, H, W, C]`. The caches are inputs of the network,
    `cache_00`, `cache_01` and so on in network order, which are zero at the
    start of a stream. Its outputs `cache_00_out` and so on are fed to them
    with the next frame. Several delayed frames share one cache, which holds
    them one after the other along its channels, the earliest first; a
    convolution in time arranges its cache itself. Each cache output is a slice
    or a concatenation that nothing else reads: some GPU delegates compute
    wrong values when an input is passed through to an output, or when another
    operation reads an output too.

    With lookahead, an operator that needs `a` later frames waits for them:
    what it returns in a step belongs to the frame `a` steps ago, and so does
    everything that is computed from it. The number of frames by which a tensor
    is late is its lateness. A tensor with the lateness L holds nothing
    meaningful in the first L steps, and after the end of the stream. So the
    network has one more input, `valid`, `[N, 1, 1, M]`, with one entry per
    lateness at which frames are mixed. The entry for L is 1 if the stream has
    a frame that is L frames older than the one of this step, else 0. It is
    multiplied with the features, so that an operator sees zeros before the
    start and after the end of a stream, as it does in a clip.

    Args:
        streams: N, the number of streams in a batch; None allows any number.
        lookahead: Whether operators may wait for later frames.
        entries: The lateness of each entry of `valid`: the `entries` of another
            `StreamTime` that the same network was built with.

    Attributes:
        inputs: The inputs by name: the caches, and `valid` if there are
            `entries`.
        outputs: The output of each cache, by name.
        frames: The number of earlier frames that each cache remembers, by
            name; 0 for all frames since the start of the stream.
        cache_late: The lateness of the features that each cache remembers, by
            name.
        late: The lateness of the features that the next operator takes; when
            the network is complete, that of its outputs.
        entries: The lateness of each entry of `valid`.
        past: The number of earlier frames that the features depend on which
            the next operator takes; infinite for all of them.
    """

    def __init__(
        self,
        streams: int | None = 1,
        *,
        lookahead: bool = False,
        entries: Sequence[int] = (),
    ):
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.frames: dict[str, int] = {}
        self.cache_late: dict[str, int] = {}
        self.late = 0
        self.past: float = 0
        self._reach = 0  # The earlier frames that the last operator asked for.
        self.entries = list(entries)
        self._streams = streams
        self._lookahead = lookahead
        self._memories: dict[int, _Memory] = {}
        self._masks: dict[int, Any] = {}
        if entries:
            self.inputs["valid"] = keras.Input(
                (1, 1, len(entries)), batch_size=streams, name="valid"
            )

    def delayed(self, x: Any, frames: int, *, name: str) -> Any:
        """See `Time`.

        Raises:
            ValueError: If `frames` is negative, or larger than it was in the
                first call for the same `x`.
        """
        if frames < 0:
            raise ValueError(
                "A stream has not seen the frames ahead, so a temporal "
                "operator that looks ahead cannot stream: use a causal one, or "
                f"lookahead. Received: frames={frames}, name={name!r}"
            )
        self._look_back(frames)
        return self.recall(x, frames, name=name)

    def with_cache(self, layer: ChannelwiseConvolution, x: Any) -> Any:
        """Applies a convolution with `has_cache` to `[N, H, W, C]` features."""
        self._look_back(layer.remembers)
        _, *shape = layer.cache_shape(x.shape)
        cache_name, cache = self._new_cache(shape, layer.remembers)
        result, fresh = layer((x, cache))
        self.outputs[f"{cache_name}_out"] = fresh
        return result

    def recall(self, x: Any, frames: int, *, name: str) -> Any:
        """Does what `delayed` does, for a frame that is not an earlier one.

        With lookahead, a frame that the network took some steps ago may be the
        one that an operator answers for, or a later one.
        """
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

    def looking_ahead(
        self, x: Any, identity: Any, frames: int, *, name: str
    ) -> tuple[Any, Any, Time]:
        """See `Time`; the `Time` that this returns allows later frames.

        Raises:
            ValueError: If `frames` is positive and there is no lookahead.
        """
        self._reach = 0
        if frames and not self._lookahead:
            self.delayed(x, -frames, name=name)  # Raises.
        if not frames and not self.late:
            return x, identity, self
        masked = self._masked(x, name=f"{name}_existing")
        shares_x, x = identity is x, masked
        if frames:
            x = self.recall(masked, frames, name=f"{name}_present")
            if not shares_x:
                identity = self.recall(
                    identity, frames, name=f"{name}_identity"
                )
            self.late += frames
        time = _TimeAround(self, masked, x, frames)
        return x, x if shares_x else identity, time

    def mean(self, x: Any, *, name: str) -> Any:
        """See `Time`; this is the mean so far, in the shape of `x`."""
        return self.mean_so_far(x, name=name)

    def mean_so_far(self, x: Any, *, name: str) -> Any:
        """See `Time`; returns the shape of `x`."""
        shape = (*x.shape[1:-1], x.shape[-1] + 1)
        cache_name, cache = self._new_cache(shape, frames=0)
        self.past = math.inf
        features = (x, cache, self._mask()) if self.late else (x, cache)
        mean, fresh = RunningMean(dtype=full_precision(), name=name)(features)
        self.outputs[f"{cache_name}_out"] = fresh
        return mean

    def _look_back(self, frames):
        """Notes that the present operator needs an earlier frame."""
        self.past += max(0, frames - self._reach)
        self._reach = max(frames, self._reach)

    def _masked(self, x, *, name):
        """Replaces frames that do not exist by zeros."""
        return keras.layers.Multiply(name=name)([x, self._mask()])

    def _mask(self):
        """Returns the entry of `valid` for the present lateness."""
        if self.late not in self._masks:
            if "valid" in self.inputs:
                index = self.entries.index(self.late)
                mask = SliceChannels(
                    index, index + 1, name=f"valid_{self.late}"
                )(self.inputs["valid"])
            else:  # The number of entries is not known yet.
                self.entries.append(self.late)
                mask = keras.Input((1, 1, 1), batch_size=self._streams)
            self._masks[self.late] = mask
        return self._masks[self.late]

    def _remember(self, x, frames):
        """Adds the cache that holds the last `frames` values of `x`."""
        channels = x.shape[-1]
        shape = (*x.shape[1:-1], frames * channels)
        cache_name, cache = self._new_cache(shape, frames)
        if frames == 1:
            fresh = take_channels(x, 0, channels, name=f"{cache_name}_next")
        else:
            later = SliceChannels(
                channels, frames * channels, name=f"{cache_name}_later"
            )(cache)
            fresh = ConcatenateChannels(name=f"{cache_name}_next")([later, x])
        self.outputs[f"{cache_name}_out"] = fresh
        return _Memory(x, frames, cache)

    def _new_cache(self, shape, frames):
        name = f"cache_{len(self.frames):02d}"
        self.frames[name] = frames
        self.cache_late[name] = self.late
        self.inputs[name] = keras.Input(
            shape, batch_size=self._streams, name=name
        )
        return name, self.inputs[name]


class _TimeAround:
    """Reaches the frames around an earlier one; see `StreamTime`.

    Args:
        stream: The caches.
        x: The newest frame.
        present: `x` as it was `ahead` frames ago, which an operator takes.
        ahead: The number of frames that the operator may look ahead.
    """

    def __init__(self, stream: StreamTime, x: Any, present: Any, ahead: int):
        self._stream = stream
        self._x = x
        self._present = present
        self._ahead = ahead

    def delayed(self, x: Any, frames: int, *, name: str) -> Any:
        """See `Time`; a negative number of frames needs the present `x`.

        Raises:
            ValueError: If a later frame is too far ahead, or that of a tensor
                which is neither the present frame nor a slice of it.
        """
        if frames >= 0:
            return self._stream.delayed(x, frames, name=name)
        layer = _source(x)
        is_slice = (
            isinstance(layer, SliceChannels) and layer.input is self._present
        )
        if -frames > self._ahead or not (x is self._present or is_slice):
            raise ValueError(
                f"An operator that looks {self._ahead} frames ahead must ask "
                "for later frames of its input, or of slices of it. "
                f"Received: frames={frames}, name={name!r}"
            )
        if not is_slice:
            return self._stream.recall(self._x, self._ahead + frames, name=name)
        later = self._stream.recall(
            self._x, self._ahead + frames, name=f"{name}_frame"
        )
        return take_channels(later, layer.start, layer.stop, name=name)

    def looking_ahead(
        self, x: Any, identity: Any, frames: int, *, name: str
    ) -> tuple[Any, Any, Time]:
        """See `Time`."""
        return self._stream.looking_ahead(x, identity, frames, name=name)

    def mean(self, x: Any, *, name: str) -> Any:
        """See `Time`."""
        return self._stream.mean(x, name=name)

    def mean_so_far(self, x: Any, *, name: str) -> Any:
        """See `Time`."""
        return self._stream.mean_so_far(x, name=name)


def take_channels(x: Any, start: int, stop: int, *, name: str) -> Any:
    """Returns a range of channels as a new tensor, made by one slice."""
    layer = _source(x)
    if isinstance(layer, SliceChannels):
        # Slicing a slice would cost two operations.
        x, start, stop = layer.input, start + layer.start, stop + layer.start
    return SliceChannels(start, stop, name=name)(x)


def _source(x):
    """Returns the layer that made a tensor."""
    layer, *_ = x._keras_history
    return layer


class _Memory(NamedTuple):
    """A tensor that a stream remembers."""

    x: Any  # Kept alive, so that no other tensor gets its `id`.
    frames: int
    cache: Any
