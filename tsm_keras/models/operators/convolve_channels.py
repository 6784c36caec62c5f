"""convolve_channels: a convolution of each channel in time and space."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


def frames_ahead(frames: int, dilation: int = 1, *, causal: bool) -> int:
    """Returns how many later frames a kernel covers; see `frame_offsets`."""
    return 0 if causal else dilation * (frames // 2)


def convolve_channels(
    x: Any,
    time: "Time",
    kernel_size: tuple[int, int, int],
    *,
    causal: bool,
    initializer: Any,
    name: str,
    strides: int = 1,
    dilation: int = 1,
) -> Any:
    """Convolves each channel by itself; see `ChannelwiseConvolution`.

    Args:
        x: `[N, H, W, C]` features.
        time: Gives access to the other frames.
        kernel_size: The frames, the height and the width of the kernel.
        causal: Whether the kernel covers no later frames.
        initializer: Initializes the kernel.
        name: The name of the layer that holds the kernel.
        strides: The stride in height and width.
        dilation: The number of frames from one frame of the kernel to the next.
    """
    from tsm_keras.layers.channelwise_convolution import (
        ChannelwiseConvolution,
        frame_offsets,
    )
    from tsm_keras.models.stream_time import StreamTime
    from tsm_keras.models.time import ClipTime

    arguments = {
        "kernel_size": kernel_size,
        "strides": strides,
        "dilation": dilation,
        "causal": causal,
        "kernel_initializer": initializer,
        "name": name,
    }
    if isinstance(time, ClipTime):
        return ChannelwiseConvolution(
            **arguments, num_segments=time.num_segments
        )(x)
    if isinstance(time, StreamTime) and kernel_size[0] > 1:
        return time.with_cache(
            ChannelwiseConvolution(**arguments, has_cache=True), x
        )
    # With lookahead, some of the frames are shared with other convolutions.
    offsets = frame_offsets(kernel_size[0], dilation, causal=causal)
    frames = [
        time.delayed(x, offset, name=f"{name}_{offset}_ago")
        for offset in offsets
    ]
    return ChannelwiseConvolution(**arguments)(frames)
