"""TemporalConfig: how the frames of a clip exchange features."""

import dataclasses

from tsm_keras.models.config.checks import (
    expect,
    expect_choice,
    expect_integer,
)

_OPERATORS = ("none", "shift")
# The short forms of `shift`, each with an operator and its causality.
SHIFTS = {
    "none": ("none", False),
    "bidirectional": ("shift", False),
    "causal": ("shift", True),
}


@dataclasses.dataclass(frozen=True)
class TemporalConfig:
    """How the frames of a clip exchange features.

    Attributes:
        operator: What is applied at the marks of the backbone: `"shift"`
            (TSM), or `"none"` (TSN, which ignores the order of the frames and
            can stream).
        causal: Whether frames see only earlier frames, so that the network
            can stream (online TSM).
        shift_div: The number of channels is divided by this to give the size of
            a fold, the group of channels that moves in one direction.
        placement: `"residual"` shifts the input of the residual branch only;
            `"inplace"` shifts the input of the identity path too (the paper
            compares the two in section 3.2).
        non_local: Adds non-local blocks, which look across the whole clip,
            after blocks 0 and 2 of stage 2 and blocks 0, 2 and 4 of stage 3 of
            ResNet-50.

    Raises:
        ValueError: If a field is invalid.
    """

    operator: str = "shift"
    causal: bool = False
    shift_div: int = 8
    placement: str = "residual"
    non_local: bool = False

    def __post_init__(self):
        expect_choice("operator", self.operator, _OPERATORS)
        expect_integer("shift_div", self.shift_div, 1)
        expect_choice("placement", self.placement, ("residual", "inplace"))
        for field in ("causal", "non_local"):
            value = getattr(self, field)
            expect(field, value, isinstance(value, bool), "True or False")

    @property
    def shift(self) -> str:
        """Which way frames exchange features.

        `"none"` if they do not, else `"causal"` or `"bidirectional"`.
        """
        if self.operator == "none":
            return "none"
        return "causal" if self.causal else "bidirectional"
