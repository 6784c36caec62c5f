"""OrdinaryConvolution: a convolution in time that mixes all channels."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tsm_keras.models.operators.convolve_channels import frames_ahead

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


@dataclasses.dataclass(frozen=True)
class OrdinaryConvolution:
    """Convolves all channels together in time, for comparison with MixTConv.

    Its weights start at zero and its result is added to the input, so a new
    convolution changes nothing.

    Attributes:
        frames: The number of frames that the kernel covers.
        dilation: The number of frames from one to the next.
        causal: Whether the kernel reaches into the past only.
    """

    frames: int
    dilation: int
    causal: bool

    @property
    def ahead(self) -> int:
        """The number of later frames that the kernel covers."""
        return frames_ahead(self.frames, self.dilation, causal=self.causal)

    @property
    def remembers(self) -> int:
        """The number of earlier frames that the kernel covers."""
        return (self.frames - 1) * self.dilation

    def __call__(self, x: Any, time: "Time", *, name: str) -> Any:
        """Adds the convolution to `x`."""
        from tensorflow import keras

        from tsm_keras.layers.channels import ConcatenateChannels
        from tsm_keras.layers.channelwise_convolution import frame_offsets

        offsets = frame_offsets(self.frames, self.dilation, causal=self.causal)
        frames = [
            time.delayed(x, offset, name=f"{name}_{offset}_ago")
            for offset in offsets
        ]
        if len(frames) > 1:
            frames = [ConcatenateChannels(name=f"{name}_frames")(frames)]
        mixed = keras.layers.Conv2D(
            x.shape[-1],
            1,
            use_bias=False,
            kernel_initializer="zeros",
            name=f"{name}_ordinary",
        )(frames[0])
        return keras.layers.Add(name=f"{name}_added")([x, mixed])
