"""Convolution3D: how X3D mixes the frames of a clip (CVPR 2020)."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from tsm_keras.models.operators.convolve_channels import (
    convolve_channels,
    frames_ahead,
)

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


@dataclasses.dataclass(frozen=True)
class Convolution3D:
    """Convolves channels in time and space, and averages over frames.

    X3D calls its methods instead of a mark. Its longest kernel covers 5 frames.

    Attributes:
        causal: Whether kernels reach into the past only.
        context: What is averaged over before squeeze-and-excitation and before
            the classifier: `"clip"`, `"past"` (all frames so far) or `"frame"`.
    """

    causal: bool
    context: str

    @property
    def ahead(self) -> float:
        """The number of later frames that the longest kernel covers.

        It is infinite if the context is the whole clip.
        """
        if self.context == "clip":
            return math.inf
        return frames_ahead(5, causal=self.causal)

    @property
    def remembers(self) -> int:
        """The number of earlier frames that the longest kernel covers."""
        return 4 if self.causal else 2

    def __call__(
        self,
        x: Any,
        identity: Any,
        time: "Time",
        *,
        name: str,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: int = 1,
    ) -> tuple[Any, Any]:
        """Convolves each channel; see `ChannelwiseConvolution`.

        Args:
            x: `[N, H, W, C]` features.
            identity: The features that are added to the result later.
            time: Gives access to the other frames.
            name: The name of the layer that holds the kernel.
            kernel_size: The frames, the height and the width of the kernel.
            strides: The stride in height and width.

        Returns:
            The result, and the `identity` that belongs to it: in a stream with
            lookahead, both are of an earlier frame.
        """
        from tensorflow import keras

        ahead = frames_ahead(kernel_size[0], causal=self.causal)
        x, identity, time = time.looking_ahead(x, identity, ahead, name=name)
        mixed = convolve_channels(
            x,
            time,
            kernel_size,
            causal=self.causal,
            strides=strides,
            initializer=keras.initializers.VarianceScaling(
                2.0, mode="fan_in", distribution="untruncated_normal"
            ),
            name=name,
        )
        return mixed, identity

    def average(self, x: Any, time: "Time", *, name: str) -> Any:
        """Averages over space, and over the frames that `context` names.

        Args:
            x: `[N, H, W, C]` features, one row per frame.
            time: Gives access to the other frames.
            name: The prefix of the names of the layers that this adds.

        Returns:
            `[N, C]`, or one row per clip if `context` is `"clip"`.
        """
        from tensorflow import keras

        pool, layers = keras.layers.GlobalAveragePooling2D, keras.layers
        if self.context == "past":
            # A cache must have four axes.
            means = pool(keepdims=True, name=name)(x)
            means = time.mean_so_far(means, name=f"{name}_so_far")
            return layers.Flatten(name=f"{name}_flat")(means)
        means = pool(name=name)(x)
        if self.context == "clip":
            means = time.mean(means, name=f"{name}_clip")
        return means
