"""BackboneConfig: the 2-D network that sees each frame."""

import dataclasses
from typing import Any

from tsm_keras.models.backbones.table import BACKBONES, OPTIONS
from tsm_keras.models.config.checks import expect, expect_choice, is_number


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """The 2-D network that sees each frame.

    A config of a network has these fields under their own names too, except
    `name`, which is its field `backbone`.

    Attributes:
        name: The backbone: `"efficientnet_lite0"` to `"efficientnet_lite4"`,
            `"mobilenet_v2"`, `"mobilenet_v3_small"`, `"mobilenet_v3_large"`,
            `"mobilenet_v4_conv_small"`, `"mobilenet_v4_conv_medium"`,
            `"resnet18"`, `"resnet34"`, `"resnet50"`, `"resnet101"` or `"x3d"`.
        width: Multiplies the channels of MobileNetV2 and X3D; others take 1.0
            only.
        depth: Multiplies the number of blocks of each stage of X3D; others take
            the default only, also in the next three fields.
        bottleneck: Multiplies the channels inside the blocks of X3D.
        activation: The activation inside the blocks of X3D: `"swish"`, or
            `"hard_swish"`, which int8 approximates better.
        shortcut_batch_norm: Whether the shortcut of the first block of X3D is
            normalized, as in SlowFast. It is not in pytorchvideo.
        stride_padding: How stride-2 convolutions are padded: `"symmetric"`
            pads equally on all sides, as PyTorch does; `"same"` pads as
            `keras.applications` does.
        batch_norm_epsilon: The epsilon of batch normalization: 1e-5 in
            PyTorch, 1e-3 in `keras.applications`.
        dropout: The share of the features of a frame that dropout zeroes in
            training, before they are classified, in [0, 1).

    Raises:
        ValueError: If a field is invalid.
    """

    name: str = dataclasses.field(
        default="mobilenet_v2", metadata={"flat_name": "backbone"}
    )
    width: float = 1.0
    stride_padding: str = "symmetric"
    batch_norm_epsilon: float = 1e-5
    dropout: float = 0.5
    depth: float = 2.2
    bottleneck: float = 2.25
    activation: str = "swish"
    shortcut_batch_norm: bool = False

    def __post_init__(self):
        expect_choice("backbone", self.name, tuple(BACKBONES))
        expect_choice(
            "stride_padding", self.stride_padding, ("symmetric", "same")
        )
        expect_choice("activation", self.activation, ("swish", "hard_swish"))
        expect(
            "shortcut_batch_norm",
            self.shortcut_batch_norm,
            isinstance(self.shortcut_batch_norm, bool),
            "True or False",
        )
        for field in ("width", "depth", "bottleneck"):
            value = getattr(self, field)
            expect(
                field,
                value,
                is_number(value) and value > 0,
                "a positive number",
            )
        expect(
            "width",
            self.width,
            self.width == 1.0 or BACKBONES[self.name].any_width,
            f"1.0 for backbone={self.name!r}",
        )
        self._expect_defaults()
        expect(
            "batch_norm_epsilon",
            self.batch_norm_epsilon,
            is_number(self.batch_norm_epsilon) and self.batch_norm_epsilon > 0,
            "a positive number",
        )
        expect(
            "dropout",
            self.dropout,
            is_number(self.dropout) and 0 <= self.dropout < 1,
            "a number in [0, 1)",
        )

    def _expect_defaults(self):
        """Refuses options of other backbones that this one does not have."""
        for field in dataclasses.fields(self):
            if field.name in OPTIONS - {*BACKBONES[self.name].options}:
                value = getattr(self, field.name)
                expect(
                    field.name,
                    value,
                    value == field.default,
                    f"{field.default!r} for backbone={self.name!r}",
                )


def reset_unused(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the plain data of a config with unused options at their defaults.

    Earlier versions accepted, ignored and stored options that a backbone does
    not have, such as the depth of MobileNetV2.

    Args:
        config: What `to_dict` of a config returned, in this or an earlier
            version. It need not be valid.
    """
    stored = config.get("backbone")
    if not isinstance(stored, dict):
        return config
    record = BACKBONES.get(str(stored.get("name")))
    if record is None:
        return config
    unused = OPTIONS - {*record.options}
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(BackboneConfig)
        if field.name in unused and field.name in stored
    }
    return {**config, "backbone": {**stored, **defaults}}
