"""VideoClassifierConfig: everything needed to rebuild a network."""

import dataclasses
import json
import math
from typing import Any

from tsm_keras.models.config.backbone import BackboneConfig
from tsm_keras.models.config.checks import as_tuple, expect
from tsm_keras.models.config.frames import ClipConfig, InputConfig
from tsm_keras.models.config.head import HeadConfig
from tsm_keras.models.config.parts import FLAT, PARTS, network_parts
from tsm_keras.models.config.temporal import TemporalConfig
from tsm_keras.models.operators.marks import operators_of

_FORMAT = 2  # Of the JSON text. Format 1 had flat fields and no number.
_OF_THE_HEAD = ("num_classes", "labels")
FLAT_NAMES = (*_OF_THE_HEAD, *FLAT)


@dataclasses.dataclass(frozen=True, init=False)
class VideoClassifierConfig:
    """A video classifier as plain data; equal configs give equal networks.

    A config has parts, which can be given as such. Usually their fields are
    given by their flat names instead, and the rest keeps its defaults.

    Example:
    >>> config = VideoClassifierConfig(
    ...     num_classes=27, backbone="resnet50", shift="causal"
    ... )
    >>> config.backbone.name, config.input.image_size, config.temporal.causal
    ('resnet50', 224, True)
    >>> VideoClassifierConfig(
    ...     heads=(HeadConfig(97, name="verb"), HeadConfig(300, name="noun"))
    ... )

    Attributes:
        input: The frames that go in, an `InputConfig`.
        clip: The frames that make a clip, a `ClipConfig`.
        backbone: The 2-D network that sees each frame, a `BackboneConfig`.
        temporal: How frames exchange features, a `TemporalConfig`.
        heads: What is classified, one `HeadConfig` per classification.

    Args:
        **fields: Attributes as above, and fields of their parts by their flat
            names. These are the names of the fields, except `backbone` for
            `backbone.name` and `input_channels` for `input.channels`.
            `num_classes` and `labels` are those of the only head; without
            `heads`, `num_classes` is required. `shift` is a short form for
            networks with and without the temporal shift: `"bidirectional"`
            (TSM), `"causal"` (online TSM) or `"none"` (TSN).

    Raises:
        ValueError: If a field is invalid or unknown. The message names the
            field, what was expected and what was received.
    """

    input: InputConfig
    clip: ClipConfig
    backbone: BackboneConfig
    temporal: TemporalConfig
    heads: tuple[HeadConfig, ...]

    def __init__(self, **fields: Any):
        self._set(_attributes(fields, {}))

    def _set(self, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    @property
    def head(self) -> HeadConfig:
        """The only head.

        Raises:
            ValueError: If there are several.
        """
        expect(
            "heads",
            [head.name for head in self.heads],
            len(self.heads) == 1,
            "a single one here",
        )
        return self.heads[0]

    @property
    def can_stream(self) -> bool:
        """True if no frame's logits depend on a later frame."""
        return all(found.ahead == 0 for found in operators_of(self))

    @property
    def can_stream_late(self) -> bool:
        """True if a frame's logits depend on a limited number of frames ahead.

        A stream with lookahead can wait for these frames.
        """
        return all(found.ahead < math.inf for found in operators_of(self))

    def changed(self, **fields: Any) -> "VideoClassifierConfig":
        """Returns a copy with other fields, which are named as in `__init__`.

        Raises:
            ValueError: If a field is invalid or unknown.
        """
        before = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        copy = object.__new__(VideoClassifierConfig)
        copy._set(_attributes(fields, before))
        return copy

    def flat(self) -> dict[str, Any]:
        """Returns all fields by their flat names, as `__init__` takes them.

        Raises:
            ValueError: If there are several heads.
        """
        return {
            **{name: getattr(self.head, name) for name in _OF_THE_HEAD},
            **{
                name: getattr(getattr(self, part), field)
                for name, (part, field) in FLAT.items()
            },
        }

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
        ratio = self.input.resize_size / self.input.image_size
        return self.changed(
            image_size=image_size, resize_size=round(ratio * image_size)
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the config as plain data, with the number of its format."""
        return {"format": _FORMAT, **dataclasses.asdict(self)}

    def to_json(self) -> str:
        """Returns the config as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

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
        """Returns the config that `to_dict` returned.

        The flat fields of format 1, which older versions wrote, are understood
        too.

        Raises:
            ValueError: As in `from_json`.
        """
        if not isinstance(values, dict):
            raise ValueError(
                "A config must be an object with `num_classes` or `heads`. "
                f"Received: {str(values)[:200]}"
            )
        fields = dict(values)
        number = fields.pop("format", _FORMAT)
        expect("format", number, number == _FORMAT, str(_FORMAT))
        for name, config in PARTS.items():
            if isinstance(fields.get(name), dict):
                fields[name] = _from_object(name, config, fields[name])
        if isinstance(fields.get("heads"), list):
            fields["heads"] = tuple(
                _from_object("heads", HeadConfig, head)
                for head in fields["heads"]
            )
        return cls(**fields)


def _attributes(fields, before):
    """Returns the attributes of a config.

    Args:
        fields: Attributes, and fields of parts by their flat names.
        before: The attributes of a config that they change, or empty.
    """
    known = sorted({*PARTS, *FLAT_NAMES, "heads", "shift"})
    if unknown := sorted({*fields} - {*known}):
        raise ValueError(
            f"Unknown config fields; known are {known}. Received: {unknown}"
        )
    return {
        **network_parts(fields, before),
        "heads": _heads(fields, before.get("heads")),
    }


def _heads(fields, before):
    """Returns the heads, of which the fields of the only one may be given."""
    heads = as_tuple(fields.get("heads", before))
    changes = {name: fields[name] for name in _OF_THE_HEAD if name in fields}
    if heads is None and "heads" not in fields:
        if "num_classes" not in changes:
            raise ValueError(
                "A config must have `num_classes` or `heads`. "
                f"Received: {sorted(fields)}"
            )
        return (HeadConfig(**changes),)
    expect(
        "heads",
        heads,
        isinstance(heads, tuple)
        and bool(heads)
        and all(isinstance(head, HeadConfig) for head in heads)
        and len({head.name for head in heads}) == len(heads)
        and (len(heads) == 1 or all(head.name for head in heads)),
        "HeadConfigs, which have different names if there are several",
    )
    if not changes:
        return heads
    expect(
        "heads",
        [head.name for head in heads],
        len(heads) == 1,
        f"a single one, as {' and '.join(changes)} are given",
    )
    return (dataclasses.replace(heads[0], **changes),)


def _from_object(name, config, values):
    """Returns a part of a config, given as a JSON object."""
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
