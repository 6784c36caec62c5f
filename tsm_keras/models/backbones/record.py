"""Backbone: describes a 2-D network to the rest of the code.

All backbones name their layers in the same way: first `stem_*`, then
`stage_SS_block_BB_*`, with stages counted from 1 and the blocks of each stage
from 0, and last `head_*`, if the stages are followed by a convolution.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# The name of a layer: its block, and the part of the block that it is.
_LAYER = re.compile(r"(stage_(\d\d)_block_(\d\d))_(.+)")


class Place(NamedTuple):
    """The place of a layer in a backbone.

    Attributes:
        name: The name of the layer's block.
        stage: The number of the stage, counted from 1.
        block: The number of the block in its stage, counted from 0.
        position: The number of the block in the backbone, counted from 0.
        part: The layer's own name in the block, such as `expand_bn`.
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
        application: The function of `keras.applications` that builds the
            network.
        widths: The widths that weights are published for.
        conventions: The fields of `VideoClassifierConfig` that these weights
            need, and their values.
        layer_name: Maps the name of one of our layers to its name in
            `keras.applications`.
    """

    application: str
    widths: tuple[float, ...]
    conventions: Mapping[str, Any]
    layer_name: Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class ImageNetFile:
    """A PyTorch file of ImageNet weights.

    Attributes:
        name: The name of the file. Without a package, it is the name of a
            published checkpoint, which is downloaded (`tsm presets` lists
            them).
        package: The Python package that brings the file in its folder `models`,
            or empty.
        sha256: The SHA-256 of a file in a package.
    """

    name: str
    package: str = ""
    sha256: str = ""


@dataclasses.dataclass(frozen=True)
class Backbone:
    """Describes a 2-D network and how to build it.

    Attributes:
        name: The value of `VideoClassifierConfig.backbone`.
        family: The family of the backbone. PyTorch projects name the layers of
            all backbones of a family in the same way.
        build: Called as `build(frames, config, mark)` with normalised frames
            `[N, H, W, C]`, a `VideoClassifierConfig` and a `Mark`. It returns
            the output of each of `stages`, by name and in order.
        blocks: The number of blocks in each stage.
        any_width: Whether the number of channels can be multiplied; otherwise
            the width must be 1.0.
        options: The names of further fields of `BackboneConfig` that the
            network has, such as `depth`. Without them, the fields must have
            their defaults.
        has_head: Whether a last convolution follows the stages.
        head_after_pool: Called as `head_after_pool(x, config)` with the
            features of `build` after global pooling, `[N, C]`; it returns the
            input of the classifier. None if the pool's output is that input.
        marked_stages: The numbers of the stages, counted from 1, that have
            residual branches, whose input is a mark; empty if all have.
        block_marks: The (stage, block) pairs after which non-local blocks may
            be added; empty if the backbone allows none.
        imagenet: Where published ImageNet weights come from, or None.
        ends: Called with a width, returns the number of output channels of the
            convolutions that end the stem, each block and the head, by layer
            name and in order. Weights files are recognized by them. None if
            the family is recognized in another way.
        mixes_time: Whether the backbone mixes frames itself, so that it takes
            no temporal operators.
    """

    name: str
    family: str
    build: Callable[..., dict[str, Any]]
    blocks: tuple[int, ...]
    any_width: bool = False
    options: tuple[str, ...] = ()
    has_head: bool = False
    head_after_pool: Callable[..., Any] | None = None
    marked_stages: tuple[int, ...] = ()
    block_marks: tuple[tuple[int, int], ...] = ()
    imagenet: ImageNetWeights | ImageNetFile | None = None
    ends: Callable[[float], dict[str, int]] | None = None
    mixes_time: bool = False

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages in order, starting with the stem."""
        numbered = (stage_name(stage + 1) for stage in range(len(self.blocks)))
        return ("stem", *numbered, *(("head",) if self.has_head else ()))

    @property
    def stages_with_marks(self) -> tuple[int, ...]:
        """The numbers of the stages with marks, counted from 1."""
        if self.mixes_time:
            return ()
        return self.marked_stages or tuple(range(1, len(self.blocks) + 1))

    @property
    def block_names(self) -> tuple[str, ...]:
        """The names of all blocks in order."""
        return tuple(
            block_name(stage, block)
            for stage, blocks in enumerate(self.blocks, 1)
            for block in range(blocks)
        )

    def stage_of(self, layer_name: str) -> int | None:
        """Returns the number of a layer's stage, or None if it is in no stage.

        The stem counts as stage 1, so that `stage_01` is number 2.
        """
        for number, stage in enumerate(self.stages, 1):
            if layer_name.startswith(f"{stage}_"):
                return number
        return None

    def place_of(self, layer_name: str) -> Place | None:
        """Returns the place of a layer, or None if it is not in a block."""
        found = _LAYER.match(layer_name)
        if not found:
            return None
        name, part = found[1], found[4]
        stage, block = int(found[2]), int(found[3])
        position = sum(self.blocks[: stage - 1]) + block
        return Place(name, stage, block, position, part)

    def part_of(self, layer_name: str) -> str | None:
        """Returns the name of a layer's block, `stem`, `head`, or None."""
        place = self.place_of(layer_name)
        if place:
            return place.name
        stage = self.stage_of(layer_name)
        return self.stages[stage - 1] if stage else None


def stage_name(stage: int) -> str:
    """Returns the name of a stage, counted from 1."""
    return f"stage_{stage:02d}"


def block_name(stage: int, block: int) -> str:
    """Returns the name of a block, which starts the names of its layers.

    Args:
        stage: The number of the stage, counted from 1.
        block: The number of the block in its stage, counted from 0.
    """
    return f"{stage_name(stage)}_block_{block:02d}"


def stage_of_block(name: str) -> int:
    """Returns the number of the stage of a block, given the block's name."""
    return int(name.split("_")[1])
