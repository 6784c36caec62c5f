"""ImageSettings: how the frames of a prepared data set are stored."""

import dataclasses

# A larger value is surely a typing error, and a frame would take over 50 MB.
_MAX_SHORT_SIDE = 4096
_MAX_FRAME_RATE = 1_000_000  # Times are stored in microseconds.


@dataclasses.dataclass(frozen=True)
class ImageSettings:
    """How frames are stored.

    Attributes:
        short_side: Length of the short side of the frames in pixels, 1 to
            4096.
        quality: JPEG quality, 1 to 100.
        max_frame_rate: Highest number of frames per second to store, at most
            a million; None to store all frames.

    Raises:
        ValueError: If a field is out of range.
    """

    short_side: int = 256
    quality: int = 90
    max_frame_rate: float | None = None

    def __post_init__(self):
        for field, valid, expected in (
            (
                "short_side",
                1 <= self.short_side <= _MAX_SHORT_SIDE,
                f"in 1..{_MAX_SHORT_SIDE}",
            ),
            ("quality", 1 <= self.quality <= 100, "in 1..100"),
            (
                "max_frame_rate",
                self.max_frame_rate is None
                or 0 < self.max_frame_rate <= _MAX_FRAME_RATE,
                f"positive and at most {_MAX_FRAME_RATE}",
            ),
        ):
            if not valid:
                raise ValueError(
                    f"`{field}` must be {expected}. "
                    f"Received: {field}={getattr(self, field)!r}"
                )
