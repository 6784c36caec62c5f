"""Backbone: what the rest of the code may ask about a 2-D network.

The layers of every backbone are named alike: `stem_*`, then
`stage_SS_block_BB_*` with stages counted from 1 and the blocks of each from 0,
then, where there is a last convolution, `head_*`.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# A block's name, and what a layer in it is.
_LAYER = re.compile(r"(stage_(\d\d)_block_(\d\d))_(.+)")


class Place(NamedTuple):
    """Where in a backbone a layer is.

    Attributes:
        name: Name of the block.
        stage: Its stage, from 1.
        block: Its number in the stage, from 0.
        position: Its number in the backbone, from 0.
        part: Which of the block's layers it is.
    """

    name: str
    stage: int
    block: int
    position: int
    part: str


@dataclasses.dataclass(frozen=True)
class ImageNetWeights:
    """ImageNet weights that `keras.applications` publishes.

    Attributes:
        application: Name of the function there that builds the network.
        widths: The widths that there are weights for.
        conventions: Fields of `VideoClassifierConfig` that these weights need.
        layer_name: Gives the name there of one of our layers.
    """

    application: str
    widths: tuple[float, ...]
    conventions: Mapping[str, Any]
    layer_name: Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A 2-D network.

    Attributes:
        name: The value of `VideoClassifierConfig.backbone`.
        family: The backbones of a family are named alike in checkpoints.
        build: Called as `build(frames, config, mark)` with normalised frames
            `[N, H, W, C]`, a `VideoClassifierConfig` and a `Mark`. Returns the
            features that come out of each of `stages`, by name, in order.
        blocks: How many blocks each stage has.
        any_width: Whether channels can be multiplied; else the width is 1.0.
        has_head: Whether a last convolution follows the stages.
        block_marks: Stage and block of each mark on the output of a block,
            where non-local blocks may be; empty if there are none.
        imagenet: Published weights to start from, None if there are none.
    """

    name: str
    family: str
    build: Callable[..., dict[str, Any]]
    blocks: tuple[int, ...]
    any_width: bool = False
    has_head: bool = False
    block_marks: tuple[tuple[int, int], ...] = ()
    imagenet: ImageNetWeights | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages in order; the stem is the first one."""
        numbered = (stage_name(stage + 1) for stage in range(len(self.blocks)))
        return ("stem", *numbered, *(("head",) if self.has_head else ()))

    @property
    def block_names(self) -> tuple[str, ...]:
        """The names of all blocks in order."""
        return tuple(
            block_name(stage, block)
            for stage, blocks in enumerate(self.blocks, 1)
            for block in range(blocks)
        )

    def stage_of(self, layer_name: str) -> int | None:
        """Returns the number of a layer's stage, None if it is in none.

        The stem is stage 1, so that `stage_01` is stage 2.
        """
        for number, stage in enumerate(self.stages, 1):
            if layer_name.startswith(f"{stage}_"):
                return number
        return None

    def place_of(self, layer_name: str) -> Place | None:
        """Returns where a layer is, None if it is not in a block."""
        found = _LAYER.match(layer_name)
        if not found:
            return None
        name, part = found[1], found[4]
        stage, block = int(found[2]), int(found[3])
        position = sum(self.blocks[: stage - 1]) + block
        return Place(name, stage, block, position, part)

    def part_of(self, layer_name: str) -> str | None:
        """Returns a layer's block, or `stem` or `head`, None if in none."""
        place = self.place_of(layer_name)
        if place:
            return place.name
        stage = self.stage_of(layer_name)
        return self.stages[stage - 1] if stage else None


def stage_name(stage: int) -> str:
    """Returns the name of a stage, counted from 1."""
    return f"stage_{stage:02d}"


def block_name(stage: int, block: int) -> str:
    """Returns what the names of a block's layers start with.

    Args:
        stage: Counted from 1.
        block: Counted from 0 in each stage.
    """
    return f"{stage_name(stage)}_block_{block:02d}"
