"""Convolution3D: how X3D mixes the frames of a clip (CVPR 2020)."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tsm_keras.models.operators.convolve import convolve_channels

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
    def looks_ahead(self) -> bool:
        """True if a frame's output depends on later frames."""
        return not self.causal or self.context == "clip"

    @property
    def remembers(self) -> int:
        """The number of earlier frames that the longest kernel covers."""
        return 4 if self.causal else 2

    def __call__(
        self,
        x: Any,
        time: "Time",
        *,
        name: str,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: int = 1,
    ) -> Any:
        """Convolves each channel; see `ChannelwiseConvolution`."""
        from tensorflow import keras

        return convolve_channels(
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
