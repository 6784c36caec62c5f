"""VideoClassifierConfig: everything needed to rebuild a video classifier."""

import dataclasses
from typing import Any, ClassVar

from tsm_keras.models.config.checks import as_tuple, expect
from tsm_keras.models.config.head import HeadConfig
from tsm_keras.models.config.network import NetworkConfig, from_object
from tsm_keras.models.config.parts import FLAT

_OF_THE_HEAD = ("num_classes", "labels")
FLAT_NAMES = (*_OF_THE_HEAD, *FLAT)


@dataclasses.dataclass(frozen=True, init=False)
class VideoClassifierConfig(NetworkConfig):
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
        heads: What is classified, one `HeadConfig` per classification. All
            other attributes are those of `NetworkConfig`.

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

    heads: tuple[HeadConfig, ...]

    _own: ClassVar[tuple[str, ...]] = ("heads", *_OF_THE_HEAD)

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
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, one per head."""
        return tuple(head.output for head in self.heads)

    @property
    def label_lists(self) -> dict[str, tuple[str, ...]]:
        """See `NetworkConfig`; labels may be missing."""
        return {head.name: head.labels for head in self.heads}

    def flat(self) -> dict[str, Any]:
        """Returns all fields by their flat names, as `__init__` takes them.

        Raises:
            ValueError: If there are several heads.
        """
        of_the_head = {name: getattr(self.head, name) for name in _OF_THE_HEAD}
        return {**of_the_head, **super().flat()}

    @classmethod
    def _required(cls):
        return "`num_classes` or `heads`"

    @classmethod
    def _own_parts(cls, fields, before):
        return {"heads": _heads(fields, before.get("heads"))}

    @classmethod
    def _own_from_json(cls, fields):
        if isinstance(fields.get("heads"), (list, tuple)):
            fields["heads"] = tuple(
                from_object("heads", HeadConfig, head)
                for head in fields["heads"]
            )
        return fields


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
