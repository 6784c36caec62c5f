"""BackboneConfig: the 2-D network that sees each frame."""

import dataclasses

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.checks import expect, expect_choice, is_number


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """The 2-D network that sees each frame.

    Attributes:
        name: The backbone: `"mobilenet_v2"`, `"resnet18"`, `"resnet34"`,
            `"resnet50"` or `"resnet101"`. Its flat name is `backbone`.
        width: Multiplies the channels of MobileNetV2; ResNets take 1.0 only.
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

    def __post_init__(self):
        expect_choice("backbone", self.name, tuple(BACKBONES))
        expect_choice(
            "stride_padding", self.stride_padding, ("symmetric", "same")
        )
        expect(
            "width",
            self.width,
            is_number(self.width) and self.width > 0,
            "a positive number",
        )
        expect(
            "width",
            self.width,
            self.width == 1.0 or BACKBONES[self.name].any_width,
            f"1.0 for backbone={self.name!r}",
        )
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
