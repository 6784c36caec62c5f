"""Shift: exchanges channels between neighbouring frames (TSM, ICCV 2019)."""

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsm_keras.models.time import Time

# TensorFlow is imported only where layers are made, because a config asks its
# operators whether they can stream, also in processes without TensorFlow.


@dataclasses.dataclass(frozen=True)
class Shift:
    """Takes some channels from the neighbouring frames; see `TemporalShift`.

    Attributes:
        shift_div: The number of channels is divided by this to give the size of
            a fold, the group of channels that moves in one direction.
        direction: `"bidirectional"` or `"causal"`.
    """

    shift_div: int
    direction: str

    @property
    def ahead(self) -> int:
        """The number of later frames that are needed: 1 or 0."""
        return 1 if self.direction == "bidirectional" else 0

    @property
    def remembers(self) -> int:
        """One: only the previous frame is needed."""
        return 1

    def __call__(self, x: Any, time: "Time", *, name: str) -> Any:
        """Shifts `x`; uses the faster layer `TemporalShift` on clips."""
        from tsm_keras.layers.temporal_shift import TemporalShift
        from tsm_keras.models.time import ClipTime

        if isinstance(time, ClipTime):
            return TemporalShift(
                time.num_segments,
                self.shift_div,
                self.direction,
                name=f"{name}_shift",
            )(x)
        return self.plain(x, time, name=name)

    def plain(self, x: Any, time: "Time", *, name: str) -> Any:
        """Shifts `x` with the operations of `Time` only."""
        from tsm_keras.layers.channels import ConcatenateChannels, SliceChannels
        from tsm_keras.layers.temporal_shift import OFFSETS, channel_fold

        channels = x.shape[-1]
        fold = channel_fold(channels, self.shift_div)
        parts = []
        for index, offset in enumerate(OFFSETS[self.direction]):
            start = index * fold
            part = SliceChannels(
                start, start + fold, name=f"{name}_fold_{index}"
            )(x)
            delayed_name = f"{name}_fold_{index}_delayed"
            parts.append(time.delayed(part, -offset, name=delayed_name))
        shifted = fold * len(parts)
        if shifted < channels:
            rest = SliceChannels(shifted, channels, name=f"{name}_rest")(x)
            parts.append(rest)
        return ConcatenateChannels(name=f"{name}_shift")(parts)
