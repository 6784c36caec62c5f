"""Naming: translates our layer names to those of a family of checkpoints."""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tensorflow import keras

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.naming.layouts import Layout, tensor_layouts
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.weights import leaf_layers

# A pattern of our layer names, and a template of the name of PyTorch's module.
# The template may use the groups of the pattern and the fields of `_fields`.
Row = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Naming:
    """The names of one family of checkpoints.

    Attributes:
        name: The name of the family of checkpoints, a value of `--source`.
        rows: The rows for each family of backbones that it has.
        marks_in_keys: Whether the names of tensors show the shifts, because a
            shift wraps the module that it shifts the input of (`.net`).
        zero_where_absent: A pattern of tensors that networks of this family may
            lack. Our variable is then set to zero.
        conventions: Fields of `VideoClassifierConfig` that all networks of this
            family need, and their values, if they are not those of PyTorch.
        is_3d: Whether all layers of the PyTorch network except the classifier
            are 3-D convolutions.
    """

    name: str
    rows: Mapping[str, tuple[Row, ...]]
    marks_in_keys: bool = False
    zero_where_absent: str = ""
    conventions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_3d: bool = False

    def module_name(
        self,
        layer_name: str,
        *,
        backbone: str,
        shift: str = "",
        non_local: bool = False,
        kernels: Sequence[int] = (),
    ) -> str:
        """Returns the name of the PyTorch module for one of our layers.

        Args:
            layer_name: Our name of the layer.
            backbone: The name of the backbone, as in `VideoClassifierConfig`.
            shift: `"residual"` if a shift wraps the residual branch of the
                layer's block, `"inplace"` if it wraps the whole block, else
                `""`.
            non_local: Whether a non-local block wraps the layer's block.
            kernels: The frames that each kernel of MixTConv covers.

        Raises:
            CheckpointError: If the family has no name for the layer.
        """
        record = BACKBONES[backbone]
        for pattern, template in self.rows.get(record.family, ()):
            match = re.fullmatch(pattern, layer_name)
            if match:
                fields = match.groupdict(default="")
                if group := fields.get("group"):
                    # A single kernel has no number in its name.
                    named = len(kernels) > 1
                    fields["frames"] = f"{kernels[int(group)]}" if named else ""
                return template.format(
                    **fields,
                    **_fields(record, layer_name, shift, non_local),
                )
        raise CheckpointError(
            f"Checkpoints of {self.name} have no name for a layer that this "
            f"{backbone} needs. Received: {layer_name}"
        )


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a checkpoint, and the variable that it belongs to.

    Attributes:
        key: The name of the tensor in the checkpoint.
        layer_name: The name of our layer, as `leaf_layers` yields it.
        index: The index of the variable among the layer's weights.
        layout: The conversion between the tensor and the variable.
        shape: The shape of the tensor in the checkpoint.
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
        naming: The naming of the checkpoint.
        wrapped: Whether the names of its tensors show the shifts.
        keys: The names of its tensors. They tell whether weights for a network
            without shifts were trained with shifts, which show in their names.
    """
    config = model.video_config
    record = BACKBONES[config.backbone.name]
    names = {layer.name for layer in model.layers}
    for layer_name, layer in leaf_layers(model):
        place = record.place_of(layer_name)
        block_name = place.name if place else ""
        plain, marked = (
            naming.module_name(
                layer_name,
                backbone=config.backbone.name,
                shift=shift,
                non_local=f"{block_name}_time_non_local" in names,
                kernels=config.temporal.kernels,
            )
            for shift in ("", config.temporal.placement)
        )
        mixed = (f"{block_name}_time_{it}" for it in ("shift", "kernel_0"))
        shifted = not names.isdisjoint(mixed) or (
            config.temporal.shift == "none" and f"{marked}.weight" in keys
        )
        module = marked if wrapped and shifted else plain
        for index, (suffix, layout) in enumerate(
            tensor_layouts(layer_name, layer, is_3d=naming.is_3d)
        ):
            shape = tuple(layer.weights[index].shape)
            yield Tensor(
                key=f"{module}.{suffix}",
                layer_name=layer_name,
                index=index,
                layout=layout,
                shape=layout.torch_shape(shape),
            )


def _fields(record, layer_name, shift, non_local):
    """Returns the fields that templates may use beside the pattern's groups."""
    # A shift that wraps `conv1` makes it `conv1.net`. A shift or a non-local
    # block that wraps a whole block adds `.net` or `.block` to its name.
    fields = {
        "net": ".net" if shift == "residual" else "",
        "wrap": ".block" * non_local + ".net" * (shift == "inplace"),
        "stages": len(record.blocks),
    }
    place = record.place_of(layer_name)
    if place:
        fields |= {
            "stage": place.stage,
            "stage0": place.stage - 1,
            "stage2": place.stage + 1,  # The stem is stage 1.
            "block": place.block,
            "position": place.position,
            "feature": place.position + 1,  # The stem is feature 0.
        }
    return fields
