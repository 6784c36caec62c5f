"""Mark: a backbone calls it wherever frames may exchange features."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tsm_keras.models.backbones.record import stage_of_block
from tsm_keras.models.operators.convolution_3d import Convolution3D
from tsm_keras.models.operators.mixtconv import MixTConv
from tsm_keras.models.operators.non_local import NonLocal
from tsm_keras.models.operators.ordinary_convolution import OrdinaryConvolution
from tsm_keras.models.operators.shift import Shift
from tsm_keras.models.operators.temporal_operator import TemporalOperator

if TYPE_CHECKING:
    from tsm_keras.models.config import NetworkConfig
    from tsm_keras.models.time import Time

# Separates the name of a block from the operator's part of a layer's name.
_OPERATOR = "_time_"


@dataclasses.dataclass(frozen=True)
class Mark:
    """Applies temporal operators at the places that a backbone marks.

    A backbone calls the mark itself on the input of a residual branch, and
    `after_block` on the output of some blocks. The backbone does not know which
    operators are applied.

    Attributes:
        time: Gives the operators access to the other frames.
        branch: The operator on the input of residual branches, or None.
        block: The operator on the output of blocks, or None.
        causal_branch: The operator that takes the place of `branch` in the
            `causal_stages`.
        placement: `"residual"` if the identity path takes the operator's input,
            `"inplace"` if it takes the operator's output.
        stages: The numbers of the stages, counted from 1, whose residual
            branches are mixed; empty for all.
        causal_stages: The numbers of the stages with `causal_branch`.
    """

    time: "Time"
    branch: TemporalOperator | None = None
    block: TemporalOperator | None = None
    causal_branch: TemporalOperator | None = None
    placement: str = "residual"
    stages: tuple[int, ...] = ()
    causal_stages: tuple[int, ...] = ()

    def __call__(self, x: Any, *, name: str) -> tuple[Any, Any]:
        """Mixes the input of a residual branch.

        Args:
            x: `[N, H, W, C]` features.
            name: The name of the block.

        Returns:
            The input of the residual branch and that of the identity path.
        """
        operator = self._operator_in(name)
        if operator is None:
            return x, x
        name = f"{name}_time"
        present, identity, time = self.time.looking_ahead(
            x, x, int(operator.ahead), name=name
        )
        mixed = operator(present, time, name=name)
        return mixed, mixed if self.placement == "inplace" else identity

    def _operator_in(self, block):
        """Returns the operator on the input of a block's branch, or None."""
        if self.stages and stage_of_block(block) not in self.stages:
            return None
        if self.causal_stages and stage_of_block(block) in self.causal_stages:
            return self.causal_branch
        return self.branch

    def after_block(self, x: Any, *, name: str) -> Any:
        """Mixes the output of a block; takes the same arguments."""
        if self.block is None:
            return x
        return self.block(x, self.time, name=f"{name}_time")


def mark_of(config: "NetworkConfig", time: "Time") -> Mark:
    """Returns the mark for the networks of a config."""
    return Mark(
        time,
        placement=config.temporal.placement,
        stages=config.temporal.stages,
        causal_stages=config.temporal.causal_stages,
        **_operators(config),
    )


def operators_of(config: "NetworkConfig") -> list[TemporalOperator]:
    """Returns the temporal operators of the networks of a config."""
    return [found for found in _operators(config).values() if found]


def belongs_to_mark(layer_name: str) -> bool:
    """Tells by its name whether a layer is part of a temporal operator.

    A network with these layers can start from the weights of a network without
    them.
    """
    return _OPERATOR in layer_name


def _operators(config):
    temporal = config.temporal
    causal = None
    if temporal.causal_stages:
        causal = _branch(
            dataclasses.replace(temporal, causal=True, causal_stages=())
        )
    return {
        "branch": _branch(temporal),
        "causal_branch": causal,
        "block": NonLocal(config.backbone.batch_norm_epsilon)
        if temporal.non_local
        else None,
    }


def _branch(temporal):
    kernels = temporal.kernels
    dilations = temporal.dilations or (1,) * len(kernels)
    operator: TemporalOperator | None = None
    if temporal.operator == "shift":
        operator = Shift(temporal.shift_div, temporal.shift)
    elif temporal.operator == "mixtconv":
        operator = MixTConv(
            kernels, dilations, temporal.shift_div, temporal.causal
        )
    elif temporal.operator == "conv1d":
        operator = OrdinaryConvolution(
            kernels[0], dilations[0], temporal.causal
        )
    elif temporal.operator == "conv3d":
        operator = Convolution3D(temporal.causal, temporal.seen)
    return operator
