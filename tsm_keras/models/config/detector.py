"""VideoDetectorConfig: everything needed to rebuild an object detector."""

import dataclasses
from typing import Any, ClassVar

from tsm_keras.models.config.checks import (
    as_tuple,
    expect,
    expect_integer,
    is_label,
)
from tsm_keras.models.config.network import NetworkConfig, from_object

TASK = "detection"
OUTPUTS = ("heatmap", "box_size", "box_offset")
STRIDES = (4, 8, 16)  # Of the outputs, in pixels.
COARSEST = 32  # The stride of the last stage of every backbone.


@dataclasses.dataclass(frozen=True)
class DetectionConfig:
    """What a detector finds, and the grid on which it finds it.

    Attributes:
        labels: The names of the classes of objects, in the order of the
            channels of the heatmap.
        stride: The size of a cell of the outputs' grid, in pixels: 4, 8 or 16.
            Two objects of a class need different cells for their centres.
        pyramid_channels: The number of channels of the feature pyramid and of
            the heads.

    Raises:
        ValueError: If a field is invalid.
    """

    labels: tuple[str, ...]
    stride: int = 8
    pyramid_channels: int = 64

    def __post_init__(self):
        object.__setattr__(self, "labels", as_tuple(self.labels))
        expect(
            "labels",
            self.labels,
            isinstance(self.labels, tuple)
            and bool(self.labels)
            and all(map(is_label, self.labels))
            and len(set(self.labels)) == len(self.labels),
            "one or more different names, each on one line",
        )
        expect(
            "stride",
            self.stride,
            isinstance(self.stride, int) and self.stride in STRIDES,
            f"one of {STRIDES}",
        )
        expect_integer("pyramid_channels", self.pyramid_channels, 1)


DETECTION_FIELDS = tuple(
    field.name for field in dataclasses.fields(DetectionConfig)
)


@dataclasses.dataclass(frozen=True, init=False)
class VideoDetectorConfig(NetworkConfig):
    """A detector of objects in videos as plain data.

    Example:
    >>> config = VideoDetectorConfig(
    ...     labels=("car", "dog"), shift="causal", image_size=256
    ... )
    >>> config.detection.stride, config.grid
    (8, 32)

    Attributes:
        detection: What is detected, a `DetectionConfig`. All other attributes
            are those of `NetworkConfig`.

    Args:
        **fields: As in `VideoClassifierConfig`, with the fields of `detection`
            in place of those of the heads: `labels`, which are required,
            `stride` and `pyramid_channels`.

    Raises:
        ValueError: If a field is invalid or unknown. The message names the
            field, what was expected and what was received.
    """

    detection: DetectionConfig

    _own: ClassVar[tuple[str, ...]] = (TASK, *DETECTION_FIELDS)

    @property
    def grid(self) -> int:
        """The height and width of the outputs, in cells."""
        return self.input.image_size // self.detection.stride

    @property
    def can_stream_late(self) -> bool:
        """True if the detector can stream, as no detector waits for frames.

        It adds features of several stages, which would be late by different
        numbers of frames.
        """
        return self.can_stream

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, three maps; see `detection_maps`."""
        return OUTPUTS

    @property
    def label_lists(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes of objects, under an empty name."""
        return {"": self.detection.labels}

    def flat(self) -> dict[str, Any]:
        """Returns all fields by their flat names, as `__init__` takes them."""
        return {**dataclasses.asdict(self.detection), **super().flat()}

    def to_dict(self) -> dict[str, Any]:
        """Returns the config as plain data, with its format and its task."""
        return {"task": TASK, **super().to_dict()}

    @classmethod
    def _attributes(cls, fields, before):
        attributes = super()._attributes(fields, before)
        size = attributes["input"].image_size
        expect(
            "image_size",
            size,
            size % COARSEST == 0,
            f"a multiple of {COARSEST} for a detector, so that the features of "
            "its stages can be added",
        )
        return attributes

    @classmethod
    def _required(cls):
        return "`detection`, or `labels`"

    @classmethod
    def _own_parts(cls, fields, before):
        part = fields.get(TASK, before.get(TASK))
        changes = {
            name: fields[name] for name in DETECTION_FIELDS if name in fields
        }
        if part is None and "labels" not in changes:
            raise ValueError(
                f"A config must have {cls._required()}. "
                f"Received: {sorted(fields)}"
            )
        if part is None:
            return {TASK: DetectionConfig(**changes)}
        expect(
            TASK,
            part,
            isinstance(part, DetectionConfig),
            "of the class DetectionConfig",
        )
        return {TASK: dataclasses.replace(part, **changes)}

    @classmethod
    def _own_from_json(cls, fields):
        task = fields.pop("task", TASK)
        expect("task", task, task == TASK, repr(TASK))
        if isinstance(fields.get(TASK), dict):
            fields[TASK] = from_object(TASK, DetectionConfig, fields[TASK])
        return fields
