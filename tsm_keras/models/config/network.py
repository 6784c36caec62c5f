"""NetworkConfig: what the configs of all networks have in common."""

import abc
import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from tsm_keras.models.config.backbone import BackboneConfig
from tsm_keras.models.config.checks import expect
from tsm_keras.models.config.frames import ClipConfig, InputConfig
from tsm_keras.models.config.parts import FLAT, PARTS, network_parts
from tsm_keras.models.config.temporal import TemporalConfig
from tsm_keras.models.operators.marks import operators_of

FORMAT = 2  # Of the JSON text. Format 1 had flat fields and no number.

_Config = TypeVar("_Config", bound="NetworkConfig")


@dataclasses.dataclass(frozen=True, init=False)
class NetworkConfig(abc.ABC):
    """The parts that the networks of all tasks have; see the subclasses.

    A subclass adds the parts of its task. It says in `_own` which fields set
    them, and in `_own_parts` and `_own_from_json` how.

    Attributes:
        input: The frames that go in, an `InputConfig`.
        clip: The frames that make a clip, a `ClipConfig`.
        backbone: The 2-D network that sees each frame, a `BackboneConfig`.
        temporal: How frames exchange features, a `TemporalConfig`.
    """

    input: InputConfig
    clip: ClipConfig
    backbone: BackboneConfig
    temporal: TemporalConfig

    # The names of a subclass's own parts, and the flat names of their fields.
    _own: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **fields: Any):
        self._set(self._attributes(fields, {}))

    @property
    @abc.abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The names of the network's outputs, in order."""

    @property
    def can_stream(self) -> bool:
        """True if no frame's outputs depend on a later frame."""
        return all(found.ahead == 0 for found in operators_of(self))

    @property
    def can_stream_late(self) -> bool:
        """True if a stream with lookahead can wait for the frames ahead.

        A frame's outputs must depend on a limited number of them.
        """
        return all(found.ahead < math.inf for found in operators_of(self))

    @property
    @abc.abstractmethod
    def label_lists(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes of each head, by the head's name.

        The name of a head that is the only one may be empty.
        """

    def changed(self: _Config, **fields: Any) -> _Config:
        """Returns a copy with other fields, which are named as in `__init__`.

        Raises:
            ValueError: If a field is invalid or unknown.
        """
        before = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        copy = object.__new__(type(self))
        copy._set(self._attributes(fields, before))
        return copy

    def flat(self) -> dict[str, Any]:
        """Returns all fields by their flat names, as `__init__` takes them."""
        return {
            name: getattr(getattr(self, part), field)
            for name, (part, field) in FLAT.items()
        }

    def with_image_size(self: _Config, image_size: int | None) -> _Config:
        """Returns the config for frames of another size.

        The weights stay valid, because the network is convolutional.
        `resize_size` keeps its ratio to `image_size`.

        Args:
            image_size: The new size in pixels; None keeps the present one.
        """
        if image_size is None:
            return self
        ratio = self.input.resize_size / self.input.image_size
        return self.changed(
            image_size=image_size, resize_size=round(ratio * image_size)
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the config as plain data, with the number of its format."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    def to_json(self) -> str:
        """Returns the config as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls: type[_Config], text: str) -> _Config:
        """Returns the config that `to_json` wrote.

        Raises:
            ValueError: If `text` is not a JSON object, or has a field that is
                missing, unknown or invalid.
        """
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls: type[_Config], values: dict[str, Any]) -> _Config:
        """Returns the config that `to_dict` returned.

        The flat fields of format 1, which older versions wrote for
        classifiers, are understood too.

        Raises:
            ValueError: As in `from_json`.
        """
        if not isinstance(values, dict):
            raise ValueError(
                f"A config must be an object with {cls._required()}. "
                f"Received: {str(values)[:200]}"
            )
        fields = dict(values)
        number = fields.pop("format", FORMAT)
        expect("format", number, number == FORMAT, str(FORMAT))
        for name, config in PARTS.items():
            if isinstance(fields.get(name), dict):
                fields[name] = from_object(name, config, fields[name])
        return cls(**cls._own_from_json(fields))

    def _set(self, attributes: Mapping[str, Any]) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    @classmethod
    def _attributes(cls, fields, before):
        """Returns the attributes of a config.

        Args:
            fields: Attributes, and fields of parts by their flat names.
            before: The attributes of a config that they change, or empty.
        """
        known = sorted({*PARTS, *FLAT, *cls._own, "shift"})
        if unknown := sorted({*fields} - {*known}):
            raise ValueError(
                f"Unknown config fields; known are {known}. Received: {unknown}"
            )
        parts = network_parts(fields, before)
        return {**parts, **cls._own_parts(fields, before)}

    @classmethod
    @abc.abstractmethod
    def _required(cls) -> str:
        """Returns the names of fields without a default, for messages."""

    @classmethod
    @abc.abstractmethod
    def _own_parts(cls, fields, before) -> dict[str, Any]:
        """Returns the subclass's own attributes; see `_attributes`."""

    @classmethod
    @abc.abstractmethod
    def _own_from_json(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Returns fields in which the subclass's own parts are no objects."""


def from_object(name: str, config: Any, values: Any) -> Any:
    """Returns a part of a config, given as a JSON object.

    Args:
        name: The name of the part.
        config: The class of the part.
        values: The object.

    Raises:
        ValueError: If a field of the part is missing, unknown or invalid.
    """
    known = sorted(field.name for field in dataclasses.fields(config))
    if not isinstance(values, dict) or not {*values} <= {*known}:
        raise ValueError(
            f"`{name}` must be an object with the fields {known}. "
            f"Received: {str(values)[:200]}"
        )
    try:
        return config(**values)
    except TypeError as error:  # A field without a default is missing.
        raise ValueError(
            f"`{name}` must have all of its fields. Received: {values}"
        ) from error
