"""DetectionRule: how the outputs of a detector become boxes."""

import dataclasses
from typing import Any

from tsm_live.artifact.fields import (
    as_object,
    expect,
    is_integer,
    is_number,
    known_fields,
)
from tsm_live.artifact.tensors import (
    BOX_OFFSET,
    BOX_SIZE,
    DETECTION_ROLES,
    HEATMAP,
    TensorSpec,
)


@dataclasses.dataclass(frozen=True)
class DetectionRule:
    """The numbers by which `decode_boxes` finds the boxes of a frame.

    Attributes:
        stride: The height and the width of a cell of the outputs, in pixels.
        threshold: The score in [0, 1] that a box must have, by default.
        top: The maximum number of boxes per frame, by default.

    Raises:
        ArtifactError: If a number is out of range.
    """

    stride: int
    threshold: float = 0.3
    top: int = 100

    def __post_init__(self):
        self._expect(is_integer(self.stride), "stride", "a number of pixels")
        self._expect(
            is_number(self.threshold) and 0 <= self.threshold <= 1,
            "threshold",
            "a score in [0, 1]",
        )
        self._expect(is_integer(self.top), "top", "a positive integer")

    def _expect(self, holds, field, expected):
        expect(holds, f"detection.{field}", expected, getattr(self, field))

    @classmethod
    def from_dict(cls, values: Any) -> "DetectionRule":
        """Returns the rule of a JSON object; ignores unknown keys.

        Raises:
            ArtifactError: If a field is missing or not valid.
        """
        values = as_object("detection", values)
        for field in dataclasses.fields(cls):
            name = field.name
            expect(name in values, f"detection.{name}", "present", values)
        return cls(**known_fields(cls, values))


def check_outputs(
    rule: DetectionRule,
    results: tuple[TensorSpec, ...],
    frames: int,
    image_size: int,
    layout: str,
) -> None:
    """Checks the outputs of a detector.

    Args:
        rule: The rule of the artifact.
        results: The outputs that are not caches.
        frames: The number of frames that one call takes.
        image_size: The height and the width of these frames.
        layout: The layout of the outputs, `"NHWC"` or `"NCHW"`.

    Raises:
        ArtifactError: If an output is missing or has another shape.
    """
    roles = [tensor.role for tensor in results]
    expect(
        all(roles.count(role) == 1 for role in DETECTION_ROLES),
        "outputs",
        f"with each of the roles {DETECTION_ROLES} once for a detection",
        roles,
    )
    expect(
        image_size % rule.stride == 0,
        "detection.stride",
        f"a divisor of the frame's {image_size} pixels",
        rule.stride,
    )
    side = image_size // rule.stride
    by_role = {tensor.role: tensor for tensor in results}
    channels = {HEATMAP: len(by_role[HEATMAP].labels)}
    for role in (HEATMAP, BOX_SIZE, BOX_OFFSET):
        count = channels.get(role, 2)
        shape = (
            (frames, side, side, count)
            if layout == "NHWC"
            else (frames, count, side, side)
        )
        found = by_role[role]
        expect(
            found.shape == shape,
            f"shape` of `{found.name}",
            f"{shape} for the role {role!r}, the layout {layout} and the "
            f"stride {rule.stride}",
            found.shape,
        )
