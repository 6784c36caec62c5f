"""NonLocal: attention between all positions of a clip."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


@dataclasses.dataclass(frozen=True)
class NonLocal:
    """Applies a `NonLocalBlock` to whole clips.

    Attributes:
        batch_norm_epsilon: The epsilon of the block's batch normalization.
    """

    batch_norm_epsilon: float

    @property
    def ahead(self) -> float:
        """Infinite, because the block looks at the whole clip."""
        return math.inf

    @property
    def remembers(self) -> int:
        """Zero, because the block cannot stream at all."""
        return 0

    def __call__(self, x: Any, time: "Time", *, name: str) -> Any:
        """Adds to each position a weighted mean over its clip."""
        from tsm_keras.layers.non_local_block import NonLocalBlock
        from tsm_keras.models.time import ClipTime

        if not isinstance(time, ClipTime):
            raise ValueError(
                "A non-local block looks across the whole clip, so it cannot "
                f"stream. Received: time={time!r}, name={name!r}"
            )
        return NonLocalBlock(
            time.num_segments,
            self.batch_norm_epsilon,
            name=f"{name}_non_local",
        )(x)
