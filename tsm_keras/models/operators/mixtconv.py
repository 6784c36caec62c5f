"""MixTConv: convolutions of several lengths in time (Shan et al., 2020)."""

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

from tsm_keras.models.operators.convolve_channels import (
    convolve_channels,
    frames_ahead,
)

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


@dataclasses.dataclass(frozen=True)
class MixTConv:
    """Convolves groups of channels in time, each group with its own kernel.

    The channels are split into contiguous groups of about equal size, one per
    kernel. Each channel is convolved by itself, without bias. The start of the
    kernels resembles a shift; see `ShiftStart`.

    Attributes:
        kernels: The number of frames of the kernel of each group.
        dilations: For each group, the number of frames from one frame of its
            kernel to the next.
        shift_div: The channels of a group are divided by this to give the size
            of a fold, whose kernels start as shifts.
        causal: Whether the kernels reach into the past only.
    """

    kernels: tuple[int, ...]
    dilations: tuple[int, ...]
    shift_div: int
    causal: bool

    @property
    def ahead(self) -> int:
        """The number of later frames that the longest kernel covers."""
        pairs = zip(self.kernels, self.dilations, strict=True)
        return max(
            frames_ahead(kernel, dilation, causal=self.causal)
            for kernel, dilation in pairs
        )

    @property
    def remembers(self) -> int:
        """The number of earlier frames that the longest kernel covers."""
        pairs = zip(self.kernels, self.dilations, strict=True)
        return max((kernel - 1) * dilation for kernel, dilation in pairs)

    def __call__(self, x: Any, time: "Time", *, name: str) -> Any:
        """Convolves each group and joins the results."""
        from tsm_keras.layers.channels import ConcatenateChannels
        from tsm_keras.models.operators.shift_start import ShiftStart

        groups = group_channels(x.shape[-1], len(self.kernels))
        parts = [
            convolve_channels(
                part,
                time,
                (self.kernels[index], 1, 1),
                dilation=self.dilations[index],
                causal=self.causal,
                initializer=ShiftStart(self.shift_div, causal=self.causal),
                name=f"{name}_kernel_{index}",
            )
            for index, part in enumerate(_split(x, groups, time, name=name))
        ]
        if len(parts) == 1:
            return parts[0]
        return ConcatenateChannels(name=f"{name}_mixed")(parts)


def group_channels(channels: int, groups: int) -> list[tuple[int, int]]:
    """Returns the first channel of each group, and the first one after it.

    If the groups cannot be equal, the first ones have one channel more.

    Raises:
        ValueError: If there are fewer channels than groups.
    """
    if channels < groups:
        raise ValueError(
            "There must be at least one channel per kernel: use fewer kernels "
            f"or a wider network. Received: channels={channels}, "
            f"{groups} kernels"
        )
    size, rest = divmod(channels, groups)
    ends = [0]
    for group in range(groups):
        ends.append(ends[-1] + size + (group < rest))
    return list(itertools.pairwise(ends))


def _split(x, groups, time, *, name):
    """Returns each group of channels."""
    from tsm_keras.layers.channels import SliceChannels, SplitChannels
    from tsm_keras.models.time import ClipTime

    if len(groups) == 1:
        return [x]
    if isinstance(time, ClipTime):  # Clips are trained, streams are not.
        sizes = [stop - start for start, stop in groups]
        return SplitChannels(sizes, name=f"{name}_groups")(x)
    # A stream with lookahead takes the same slices of other frames.
    return [
        SliceChannels(start, stop, name=f"{name}_group_{index}")(x)
        for index, (start, stop) in enumerate(groups)
    ]
