"""VideoClassifierConfig: everything needed to rebuild a network."""

import dataclasses
import json
import math
from typing import Any

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.operators.marks import operators_of

_CHOICES = {
    "backbone": tuple(BACKBONES),
    "shift": ("none", "bidirectional", "causal"),
    "placement": ("residual", "inplace"),
    "stride_padding": ("symmetric", "same"),
}
_LARGEST = 2**31 - 1  # Dimensions of tensors in TFLite are 32 bits wide.


@dataclasses.dataclass(frozen=True)
class VideoClassifierConfig:
    """A video classifier as plain data; equal configs give equal networks.

    Attributes:
        num_classes: The number of classes, at least 2.
        backbone: The 2-D network that sees each frame: `"mobilenet_v2"`,
            `"resnet18"`, `"resnet34"`, `"resnet50"` or `"resnet101"`.
        width: Multiplies the channels of MobileNetV2; ResNets take 1.0 only.
        num_segments: Frames per clip, T.
        shift: How frames exchange channels: `"bidirectional"` (TSM),
            `"causal"` (online TSM, which can stream) or `"none"` (TSN, which
            ignores the order of the frames and can stream).
        shift_div: The number of channels is divided by this to give the size of
            a fold, the group of channels that moves in one direction.
        placement: `"residual"` shifts the input of the residual branch only;
            `"inplace"` shifts the input of the identity path too (the paper
            compares the two in section 3.2).
        non_local: Adds non-local blocks, which look across the whole clip,
            after blocks 0 and 2 of stage 2 and blocks 0, 2 and 4 of stage 3 of
            ResNet-50.
        input_channels: Channels of a frame: 3 for RGB; for optical flow, two
            (x and y) per pair of frames, so 10 for the five pairs of the
            reference code.
        image_size: Height and width of the network's input, in pixels.
        resize_size: Frames are resized to this short side, in pixels, before a
            square of `image_size` is cropped from them; 0 stands for
            `image_size * 8 / 7` (256 for 224, as in the paper).
        dropout: The share of features that dropout zeroes before the
            classifier, in [0, 1).
        pixel_mean: The mean of each input channel, in units of 0..255; it is
            subtracted from every pixel.
        pixel_std: The standard deviation of each input channel, in units of
            0..255; every pixel is divided by it.
        stride_padding: How stride-2 convolutions are padded: `"symmetric"`
            pads equally on all sides, as PyTorch does; `"same"` pads as
            `keras.applications` does.
        batch_norm_epsilon: The epsilon of batch normalization: 1e-5 in
            PyTorch, 1e-3 in `keras.applications`.
        labels: The class names in the order of the logits, or empty.
        frame_interval: Seconds between two frames of the clips that the
            network was trained on, 0 if unknown. A live stream should deliver
            frames at the same interval.

    Raises:
        ValueError: If a field is invalid. The message names the field, what
            was expected and what was received.
    """

    num_classes: int
    backbone: str = "mobilenet_v2"
    width: float = 1.0
    num_segments: int = 8
    shift: str = "bidirectional"
    shift_div: int = 8
    placement: str = "residual"
    non_local: bool = False
    input_channels: int = 3
    image_size: int = 224
    resize_size: int = 0
    dropout: float = 0.5
    pixel_mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    pixel_std: tuple[float, ...] = (58.395, 57.12, 57.375)
    stride_padding: str = "symmetric"
    batch_norm_epsilon: float = 1e-5
    labels: tuple[str, ...] = ()
    frame_interval: float = 0.0

    def __post_init__(self):
        for field in ("pixel_mean", "pixel_std", "labels"):
            value = getattr(self, field)
            if isinstance(value, list):  # JSON has no tuples.
                object.__setattr__(self, field, tuple(value))
        if self.resize_size == 0 and _is_integer(self.image_size):
            object.__setattr__(self, "resize_size", self.image_size * 8 // 7)
        for field, choices in _CHOICES.items():
            self._expect(
                field, getattr(self, field) in choices, f"one of {choices}"
            )
        for field, least in (
            ("num_classes", 2),
            ("num_segments", 1),
            ("shift_div", 1),
            ("input_channels", 1),
            ("image_size", 32),
        ):
            value = getattr(self, field)
            self._expect(
                field,
                _is_integer(value) and least <= value <= _LARGEST,
                f"an integer of at least {least} and at most {_LARGEST}",
            )
        self._expect(
            "resize_size",
            _is_integer(self.resize_size)
            and self.image_size <= self.resize_size <= _LARGEST,
            f"an integer of at least image_size={self.image_size} and at most "
            f"{_LARGEST}",
        )
        self._expect(
            "width",
            _is_number(self.width) and self.width > 0,
            "a positive number",
        )
        self._expect(
            "width",
            self.width == 1.0 or BACKBONES[self.backbone].any_width,
            f"1.0 for backbone={self.backbone!r}",
        )
        takes_non_local = [
            repr(backbone.name)
            for backbone in BACKBONES.values()
            if backbone.block_marks
        ]
        self._expect(
            "non_local",
            self.non_local is False
            or (
                self.non_local is True
                and bool(BACKBONES[self.backbone].block_marks)
            ),
            f"False, or True for backbone={' or '.join(takes_non_local)}",
        )
        self._expect(
            "dropout",
            _is_number(self.dropout) and 0 <= self.dropout < 1,
            "a number in [0, 1)",
        )
        for field in ("pixel_mean", "pixel_std"):
            value = getattr(self, field)
            self._expect(
                field,
                isinstance(value, tuple)
                and len(value) == self.input_channels
                and all(map(_is_number, value)),
                f"{self.input_channels} numbers, one per channel "
                "(`input_channels`), in units of 0..255",
            )
        self._expect("pixel_std", min(self.pixel_std) > 0, "positive numbers")
        self._expect(
            "batch_norm_epsilon",
            _is_number(self.batch_norm_epsilon) and self.batch_norm_epsilon > 0,
            "a positive number",
        )
        self._expect(
            "labels",
            isinstance(self.labels, tuple)
            and all(map(_is_label, self.labels))
            and len(set(self.labels)) == len(self.labels) != 1
            and len(self.labels) in (0, self.num_classes),
            f"num_classes={self.num_classes} different names, each on one "
            "line, or none",
        )
        self._expect(
            "frame_interval",
            _is_number(self.frame_interval) and self.frame_interval >= 0,
            "seconds, or 0 if unknown",
        )

    def _expect(self, field, holds, expected):
        if not holds:
            raise ValueError(
                f"`{field}` must be {expected}. "
                f"Received: {field}={getattr(self, field)!r}"
            )

    @property
    def can_stream(self) -> bool:
        """True if no frame's logits depend on a later frame."""
        return not any(found.looks_ahead for found in operators_of(self))

    @property
    def is_rgb(self) -> bool:
        """True if the network takes RGB frames and not optical flow."""
        return self.input_channels == 3

    def expect_rgb(self) -> None:
        """Raises a ValueError if the network does not take RGB."""
        self._expect(
            "input_channels",
            self.is_rgb,
            "3 here, because RGB frames go in and no optical flow is computed",
        )

    def with_image_size(
        self, image_size: int | None
    ) -> "VideoClassifierConfig":
        """Returns the config for frames of another size.

        The weights stay valid, because the network is convolutional up to its
        global pooling. `resize_size` keeps its ratio to `image_size`.

        Args:
            image_size: The new size in pixels; None keeps the present one.
        """
        if image_size is None:
            return self
        return dataclasses.replace(
            self,
            image_size=image_size,
            resize_size=round(self.resize_size * image_size / self.image_size),
        )

    def to_json(self) -> str:
        """Returns the config as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "VideoClassifierConfig":
        """Returns the config that `to_json` wrote.

        Raises:
            ValueError: If `text` is not a JSON object, or has a field that is
                missing, unknown or invalid.
        """
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "VideoClassifierConfig":
        """Returns the config with these fields; raises as `from_json` does."""
        if not isinstance(values, dict) or "num_classes" not in values:
            raise ValueError(
                "A config must be an object with the field `num_classes`. "
                f"Received: {str(values)[:200]}"
            )
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"Unknown config fields; known are {sorted(known)}. "
                f"Received: {unknown}"
            )
        return cls(**values)


def _is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return number and math.isfinite(value)
    except OverflowError:  # The integer is too large for a float.
        return False


def _is_label(value):
    return isinstance(value, str) and value.splitlines() == [value]
