"""InputConfig and ClipConfig: the frames of a network, and its clips."""

import dataclasses
from typing import Protocol

from tsm_keras.models.config.checks import (
    LARGEST,
    as_tuple,
    expect,
    expect_integer,
    is_integer,
    is_number,
)


@dataclasses.dataclass(frozen=True)
class InputConfig:
    """The frames that go into a network.

    Attributes:
        image_size: Height and width of the network's input, in pixels.
        resize_size: Frames are resized to this short side, in pixels, before a
            square of `image_size` is cropped from them; 0 stands for
            `image_size * 8 / 7` (256 for 224, as in the paper).
        channels: Channels of a frame: 3 for RGB; for optical flow, two
            (x and y) per pair of frames, so 10 for the five pairs of the
            reference code. Its flat name is `input_channels`.
        pixel_mean: The mean of each input channel, in units of 0..255; it is
            subtracted from every pixel.
        pixel_std: The standard deviation of each input channel, in units of
            0..255; every pixel is divided by it.

    Raises:
        ValueError: If a field is invalid.
    """

    image_size: int = 224
    resize_size: int = 0
    channels: int = dataclasses.field(
        default=3, metadata={"flat_name": "input_channels"}
    )
    pixel_mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    pixel_std: tuple[float, ...] = (58.395, 57.12, 57.375)

    def __post_init__(self):
        for field in ("pixel_mean", "pixel_std"):
            object.__setattr__(self, field, as_tuple(getattr(self, field)))
        if self.resize_size == 0 and is_integer(self.image_size):
            object.__setattr__(self, "resize_size", self.image_size * 8 // 7)
        expect_integer("input_channels", self.channels, 1)
        expect_integer("image_size", self.image_size, 32)
        expect(
            "resize_size",
            self.resize_size,
            is_integer(self.resize_size)
            and self.image_size <= self.resize_size <= LARGEST,
            f"an integer of at least image_size={self.image_size} and at most "
            f"{LARGEST}",
        )
        for field in ("pixel_mean", "pixel_std"):
            value = getattr(self, field)
            expect(
                field,
                value,
                isinstance(value, tuple)
                and len(value) == self.channels
                and all(map(is_number, value)),
                f"{self.channels} numbers, one per channel "
                "(`input_channels`), in units of 0..255",
            )
        expect(
            "pixel_std",
            self.pixel_std,
            min(self.pixel_std) > 0,
            "positive numbers",
        )

    @property
    def is_rgb(self) -> bool:
        """True if the frames are RGB and not optical flow."""
        return self.channels == 3

    def expect_rgb(self) -> None:
        """Raises a ValueError if the frames are not RGB."""
        expect(
            "input_channels",
            self.channels,
            self.is_rgb,
            "3 here, because RGB frames go in and no optical flow is computed",
        )


@dataclasses.dataclass(frozen=True)
class ClipConfig:
    """The frames that make a clip.

    Attributes:
        num_segments: Frames per clip, T.
        frame_interval: Seconds between two frames of the clips that the
            network was trained on, 0 if unknown. A live stream takes frames at
            the same interval.

    Raises:
        ValueError: If a field is invalid.
    """

    num_segments: int = 8
    frame_interval: float = 0.0

    def __post_init__(self):
        expect_integer("num_segments", self.num_segments, 1)
        expect(
            "frame_interval",
            self.frame_interval,
            is_number(self.frame_interval) and self.frame_interval >= 0,
            "seconds, or 0 if unknown",
        )


class TakesClips(Protocol):
    """What the data pipeline must know of a network."""

    @property
    def input(self) -> InputConfig:
        """The frames that go in."""

    @property
    def clip(self) -> ClipConfig:
        """The frames that make a clip."""


@dataclasses.dataclass(frozen=True)
class ClipFormat:
    """The format of clips, where there is no network that takes them.

    Attributes:
        input: The frames.
        clip: The frames that make a clip.
    """

    input: InputConfig = InputConfig()
    clip: ClipConfig = ClipConfig()
