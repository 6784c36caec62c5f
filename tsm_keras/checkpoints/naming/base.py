"""Naming: what a family of checkpoints calls the layers of our networks."""

import dataclasses
import re
from collections.abc import Collection, Iterator

from tensorflow import keras

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.naming.layouts import Layout, tensor_layouts
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.weights import leaf_layers

# A pattern of our layers' names, and the template of their module's name, which
# may use the pattern's groups and what `_fields` makes of them.
Row = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Naming:
    """The names of one family of checkpoints.

    Attributes:
        name: The name of the family, as `--source` takes it.
        mobilenet_v2: Rows of the backbones of this family.
        resnet: Rows of the backbones of this family, or none.
        marks_in_keys: Whether a shift wraps what it acts on, so that its place
            shows in the names (`.net`).
        zero_where_absent: Pattern of tensors that the family's networks do
            without where ours have a variable, which is then zero.
    """

    name: str
    mobilenet_v2: tuple[Row, ...]
    resnet: tuple[Row, ...] = ()
    marks_in_keys: bool = False
    zero_where_absent: str = ""

    def module_name(
        self,
        layer_name: str,
        *,
        backbone: str,
        shift: str = "",
        non_local: bool = False,
    ) -> str:
        """Returns the name of the module that one of our layers is there.

        Args:
            layer_name: The name of the layer here.
            backbone: As in `VideoClassifierConfig`.
            shift: `"residual"` or `"inplace"` if a shift wraps this layer's
                block's branch or the block, else `""`.
            non_local: Whether a non-local block wraps this layer's block.

        Raises:
            CheckpointError: If the family has no name for it.
        """
        record = BACKBONES[backbone]
        for pattern, template in getattr(self, record.family, ()):
            match = re.fullmatch(pattern, layer_name)
            if match:
                return template.format(
                    **match.groupdict(default=""),
                    **_fields(record.place_of(layer_name), shift, non_local),
                )
        raise CheckpointError(
            f"Checkpoints of {self.name} have no name for a layer that this "
            f"{backbone} needs. Received: {layer_name}"
        )


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor of a checkpoint, and the variable that holds it here.

    Attributes:
        key: Its name in the checkpoint.
        layer_name: As `leaf_layers` yields it.
        index: Of the variable among the layer's weights.
        layout: How it is turned around.
        shape: In the checkpoint.
    """

    key: str
    layer_name: str
    index: int
    layout: Layout
    shape: tuple[int, ...]


def tensors_of(
    model: keras.Model,
    naming: Naming,
    *,
    wrapped: bool,
    keys: Collection[str] = (),
) -> Iterator[Tensor]:
    """Yields every tensor that a checkpoint of this network holds.

    Args:
        model: A clip model.
        naming: The checkpoint's.
        wrapped: Whether shifts show in its names.
        keys: Its names. A network without a shift takes weights that were
            trained with one under the names that it left on them.
    """
    config = model.video_config
    record = BACKBONES[config.backbone]
    names = {layer.name for layer in model.layers}
    for layer_name, layer in leaf_layers(model):
        place = record.place_of(layer_name)
        block_name = place.name if place else ""
        plain, marked = (
            naming.module_name(
                layer_name,
                backbone=config.backbone,
                shift=shift,
                non_local=f"{block_name}_time_non_local" in names,
            )
            for shift in ("", config.placement)
        )
        shifted = f"{block_name}_time_shift" in names or (
            config.shift == "none" and f"{marked}.weight" in keys
        )
        module = marked if wrapped and shifted else plain
        for index, (suffix, layout) in enumerate(
            tensor_layouts(layer_name, layer)
        ):
            shape = tuple(layer.weights[index].shape)
            yield Tensor(
                key=f"{module}.{suffix}",
                layer_name=layer_name,
                index=index,
                layout=layout,
                shape=layout.torch_shape(shape),
            )


def _fields(place, shift, non_local):
    """Returns what templates may use beside the pattern's own groups."""
    # `conv1` of a block that a shift wraps is `conv1.net`, and a block that one
    # wraps as a whole, or that a non-local block follows, has a prefix.
    fields = {
        "net": ".net" if shift == "residual" else "",
        "wrap": ".block" * non_local + ".net" * (shift == "inplace"),
    }
    if place:
        fields |= {
            "stage": place.stage,
            "stage0": place.stage - 1,
            "block": place.block,
            "feature": place.position + 1,  # The stem is feature 0.
        }
    return fields
