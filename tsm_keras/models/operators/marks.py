"""Mark: what a backbone calls where time may mix."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tsm_keras.models.operators.non_local import NonLocal
from tsm_keras.models.operators.shift import Shift
from tsm_keras.models.operators.temporal_operator import TemporalOperator

if TYPE_CHECKING:
    from tsm_keras.models.config import VideoClassifierConfig
    from tsm_keras.models.time import Time

# Between the name of a block and what a temporal operator calls its layers.
_OPERATOR = "_time_"


@dataclasses.dataclass(frozen=True)
class Mark:
    """Mixes time at the places that a backbone marks.

    A backbone calls the mark itself on the input of a residual branch, and
    `after_block` on the output of some blocks. It does not know what either
    does.

    Attributes:
        time: How the other frames are reached.
        branch: The operator on the input of residual branches, or None.
        block: The operator on the output of blocks, or None.
        placement: Whether the identity path takes the operator's input
            (`"residual"`) or its output (`"inplace"`).
    """

    time: "Time"
    branch: TemporalOperator | None = None
    block: TemporalOperator | None = None
    placement: str = "residual"

    def __call__(self, x: Any, *, name: str) -> tuple[Any, Any]:
        """Mixes the input of a residual branch.

        Args:
            x: `[N, H, W, C]` features.
            name: Name of the block.

        Returns:
            What the branch and what the identity path go on with.
        """
        if self.branch is None:
            return x, x
        mixed = self.branch(x, self.time, name=f"{name}_time")
        return mixed, mixed if self.placement == "inplace" else x

    def after_block(self, x: Any, *, name: str) -> Any:
        """Mixes the output of a block; the arguments are as for a branch."""
        if self.block is None:
            return x
        return self.block(x, self.time, name=f"{name}_time")


def mark_of(config: "VideoClassifierConfig", time: "Time") -> Mark:
    """Returns the mark of a config's networks."""
    return Mark(time, placement=config.placement, **_operators(config))


def operators_of(config: "VideoClassifierConfig") -> list[TemporalOperator]:
    """Returns the temporal operators of a config's networks."""
    return [found for found in _operators(config).values() if found]


def belongs_to_mark(layer_name: str) -> bool:
    """Whether a layer is part of a temporal operator, by its name.

    The weights of a network may lack these layers and still be a start for
    one that has them.
    """
    return _OPERATOR in layer_name


def _operators(config):
    return {
        "branch": None
        if config.shift == "none"
        else Shift(config.shift_div, config.shift),
        "block": NonLocal(config.batch_norm_epsilon)
        if config.non_local
        else None,
    }
