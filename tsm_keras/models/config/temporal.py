"""TemporalConfig: how the frames of a clip exchange features."""

import dataclasses

from tsm_keras.models.config.checks import (
    as_tuple,
    expect,
    expect_choice,
    expect_integer,
    is_integer,
)

_OPERATORS = ("none", "shift", "mixtconv", "conv1d", "conv3d")
_CONTEXTS = ("auto", "clip", "past", "frame")
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
            (TSM), `"mixtconv"` (MixTConv; with ResNet-50 this is MSTNet),
            `"conv1d"` (an ordinary convolution in time, which mixes all
            channels), or `"none"` (TSN, which ignores the order of the frames
            and can stream). X3D has convolutions in time of its own and takes
            `"conv3d"` only.
        causal: Whether frames see only earlier frames, so that the network
            can stream (online TSM).
        shift_div: The number of channels is divided by this to give the size of
            a fold, the group of channels that moves in one direction. MixTConv
            starts from such a shift in each of its groups.
        kernels: The number of frames that the kernel of each group of channels
            covers in MixTConv; a single one for an ordinary convolution.
        dilations: For each of `kernels`, the number of frames from one frame
            of the kernel to the next; empty stands for 1 each.
        context: What X3D averages over in squeeze-and-excitation and before
            the classifier: `"clip"` as the reference does, `"past"` (all frames
            so far) or `"frame"` (the present frame). A causal network cannot
            see the clip. `"auto"` is `"frame"` if causal, else `"clip"`.
        placement: `"residual"` changes the input of the residual branch only
            (MixTConv's paper calls it inner); `"inplace"` changes the input of
            the identity path too (TSM's paper compares the two in section 3.2;
            MixTConv's paper calls it head).
        stages: The numbers of the stages of the backbone, counted from 1, in
            which frames exchange features; empty for all stages that have
            residual blocks. PP-TSM (Li et al., 2021) found one stage nearly as
            good as all of them.
        causal_stages: The numbers of the stages in which frames see only
            earlier frames, in a network that is not causal. A stream with
            lookahead waits for the later frames of all other stages, so fewer
            of them make its answers less late. Empty for none.
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
    stages: tuple[int, ...] = ()
    non_local: bool = False
    kernels: tuple[int, ...] = (1, 3, 5, 7)
    dilations: tuple[int, ...] = ()
    context: str = "auto"
    causal_stages: tuple[int, ...] = ()

    def __post_init__(self):
        for field in ("kernels", "dilations"):
            object.__setattr__(self, field, as_tuple(getattr(self, field)))
        expect_choice("context", self.context, _CONTEXTS)
        expect(
            "context",
            self.context,
            not (self.causal is True and self.context == "clip"),
            "past, frame or auto, because a causal network does not see the "
            "whole clip",
        )
        expect(
            "kernels",
            self.kernels,
            bool(self.kernels) and _are_positive(self.kernels),
            "one or more positive integers",
        )
        expect(
            "kernels",
            self.kernels,
            self.operator != "conv1d" or len(self.kernels) == 1,
            "a single one for operator='conv1d'",
        )
        expect(
            "dilations",
            self.dilations,
            _are_positive(self.dilations)
            and len(self.dilations) in (0, len(self.kernels)),
            f"{len(self.kernels)} positive integers, one per kernel, or empty",
        )
        expect_choice("operator", self.operator, _OPERATORS)
        expect_integer("shift_div", self.shift_div, 1)
        for field in ("stages", "causal_stages"):
            stages = as_tuple(getattr(self, field))
            object.__setattr__(self, field, stages)
            expect(
                field,
                stages,
                isinstance(stages, tuple)
                and all(map(is_integer, stages))
                and list(stages) == sorted(set(stages)),
                "ascending integers, or empty",
            )
        expect(
            "causal_stages",
            self.causal_stages,
            not self.causal_stages
            or (not self.causal and self.operator not in ("none", "conv3d")),
            "empty, because the network is causal in all stages or none",
        )
        expect_choice("placement", self.placement, ("residual", "inplace"))
        for field in ("causal", "non_local"):
            value = getattr(self, field)
            expect(field, value, isinstance(value, bool), "True or False")

    @property
    def seen(self) -> str:
        """What `context` stands for: `"clip"`, `"past"` or `"frame"`."""
        if self.context != "auto":
            return self.context
        return "frame" if self.causal else "clip"

    @property
    def shift(self) -> str:
        """Which way frames exchange features.

        `"none"` if they do not, else `"causal"` or `"bidirectional"`.
        """
        if self.operator == "none":
            return "none"
        return "causal" if self.causal else "bidirectional"


def _are_positive(values):
    return isinstance(values, tuple) and all(
        is_integer(value) and value > 0 for value in values
    )
