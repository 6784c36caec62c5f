"""Time: gives a frame's features access to those of other frames.

A network is a 2-D network with marked places (marks) where features of
different frames may mix. A temporal operator (`tsm_keras.models.operators`)
mixes them there; it is written once, and reaches the other frames through
`Time` only. The `Time` that a network is built with decides whether the network
sees whole clips (`ClipTime`) or one frame after the other (`StreamTime` in
`stream_time.py`).
"""

from typing import Any, Protocol

from tensorflow import keras

from tsm_keras.layers.delay_frames import DelayFrames
from tsm_keras.layers.running_mean import MeanSoFar
from tsm_keras.layers.segment_consensus import SegmentConsensus
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

    def looking_ahead(
        self, x: Any, identity: Any, frames: int, *, name: str
    ) -> tuple[Any, Any, "Time"]:
        """Prepares an operator that needs later frames.

        An operator is called on the `x` that this returns, and reaches the
        other frames with the `Time` that this returns. In a clip nothing
        changes. A stream with lookahead waits for the later frames instead: it
        returns `x` and `identity` as they were `frames` frames ago.

        Args:
            x: `[N, H, W, C]` features, which the operator mixes.
            identity: Features that are needed together with the result, such
                as those of the identity path. They may be `x`.
            frames: The number of later frames that the operator needs.
            name: The prefix of the names of the layers that this adds.

        Returns:
            The present `x`, the present `identity`, and a `Time`.
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

    def looking_ahead(
        self, x: Any, identity: Any, frames: int, *, name: str
    ) -> tuple[Any, Any, Time]:
        """See `Time`; a clip holds all frames."""
        return x, identity, self

    def mean(self, x: Any, *, name: str) -> Any:
        """See `Time`; returns `[B, ..., C]`."""
        dtype = full_precision()
        clips = UnfoldTime(
            self.num_segments, dtype=dtype, name=f"{name}_frames"
        )(x)
        return SegmentConsensus(dtype=dtype, name=name)(clips)

    def mean_so_far(self, x: Any, *, name: str) -> Any:
        """See `Time`; returns the shape of `x`."""
        return MeanSoFar(self.num_segments, dtype=full_precision(), name=name)(
            x
        )


def full_precision() -> str:
    """Returns the dtype for values that must stay precise, such as logits.

    It is float64 if Keras is set to float64, and float32 otherwise, even under
    mixed precision.
    """
    policy = keras.mixed_precision.global_policy()
    return "float64" if policy.variable_dtype == "float64" else "float32"
