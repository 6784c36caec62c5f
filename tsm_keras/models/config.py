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
        num_classes: Number of classes, at least 2.
        backbone: `"mobilenet_v2"`, `"resnet18"`, `"resnet34"`, `"resnet50"`
            or `"resnet101"`.
        width: Channel multiplier of MobileNetV2; ResNets take 1.0 only.
        num_segments: Frames per clip, T.
        shift: `"bidirectional"` (TSM), `"causal"` (online TSM, can stream) or
            `"none"` (TSN, blind to the order of frames, can stream).
        shift_div: The shifted fold is `channels // shift_div`.
        placement: `"residual"` shifts the input of the residual branch only;
            `"inplace"` feeds the shifted tensor to the identity path too (the
            paper's ablation, section 3.2).
        non_local: Whether non-local blocks look across the whole clip, after
            blocks 0 and 2 of stage 2 and 0, 2 and 4 of stage 3 of ResNet-50.
        input_channels: Channels of a frame: 3 for RGB; for optical flow two (x
            and y) per pair of frames, so 10 for the reference's five pairs.
        image_size: Height and width of the network's input, in pixels.
        resize_size: The short side a video is resized to before a square of
            `image_size` is cropped from it; 0 stands for `image_size * 8 / 7`
            (256 for 224, as in the paper).
        dropout: Rate before the classifier, in [0, 1).
        pixel_mean: Mean of each input channel, in units of 0..255, taken off
            every pixel.
        pixel_std: Standard deviation of each channel, in units of 0..255.
        stride_padding: `"symmetric"` pads stride-2 convolutions by one pixel
            on both sides (PyTorch); `"same"` as `keras.applications` does.
        batch_norm_epsilon: 1e-5 in PyTorch, 1e-3 in `keras.applications`.
        labels: Class names in the order of the logits, or empty.
        frame_interval: Seconds between two frames of a clip that the network
            was trained for, 0 if unknown. A stream should feed it at this
            pace.

    Raises:
        ValueError: Names the field, what was expected and what was received.
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
            if isinstance(value, list):  # As JSON gives it.
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
        """Whether no frame's logits depend on a later frame."""
        return not any(found.looks_ahead for found in operators_of(self))

    @property
    def is_rgb(self) -> bool:
        """Whether the network takes pictures, not optical flow."""
        return self.input_channels == 3

    def expect_rgb(self) -> None:
        """Raises a ValueError if the network does not take RGB."""
        self._expect(
            "input_channels",
            self.is_rgb,
            "3 here: pictures go in, and no optical flow is computed",
        )

    def with_image_size(
        self, image_size: int | None
    ) -> "VideoClassifierConfig":
        """Returns the config for frames of another size, None for this size.

        The weights are the same: the network is convolutional up to its pool.
        `resize_size` keeps its proportion.
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
        """Returns the config with these fields; raises as `from_json`."""
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
    except OverflowError:  # An integer beyond all floats.
        return False


def _is_label(value):
    return isinstance(value, str) and value.splitlines() == [value]
