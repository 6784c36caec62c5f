"""Heads: the classifications of clips, their classes, and checks of both."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

_NAME = "[a-z][a-z0-9_]*"
# Metrics have these words where heads have their names.
_RESERVED = ("all", "val")


@dataclasses.dataclass(frozen=True)
class Head:
    """One classification of clips.

    Attributes:
        label_names: The class names in the order of their numbers.
        name: The name of the classification, such as `"verb"`; empty if clips
            have only one.
    """

    label_names: tuple[str, ...]
    name: str = ""


class HasHeads:
    """Adds the class names of a single head to a class with heads.

    Attributes:
        heads: The heads, in the order of a clip's labels.
    """

    heads: tuple[Head, ...]

    @property
    def label_names(self) -> tuple[str, ...]:
        """The class names of the only head, in the order of their numbers."""
        return only_head(self.heads).label_names


def only_head(heads: Sequence[Any]) -> Any:
    """Returns the only one of these heads.

    Raises:
        ValueError: If there are several.
    """
    if len(heads) != 1:
        raise ValueError(
            "The clips must have a single head here. "
            f"Received: the heads {[head.name for head in heads]}"
        )
    return heads[0]


def head_name(text: str) -> str:
    """Returns a text as the name of a head, such as `verb_class`.

    Letters become small, and what is neither a letter nor a digit becomes an
    underscore.

    Raises:
        ValueError: If the result does not begin with a letter, or is `all` or
            `val`, which are words in the names of metrics.
    """
    name = re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")
    if not _is_name(name):
        raise ValueError(
            "The name of a head must begin with a letter from a to z and must "
            f"not be {' or '.join(map(repr, _RESERVED))}. Received: {text!r}"
        )
    return name


def _is_name(name):
    return re.fullmatch(_NAME, name) and name not in _RESERVED


def heads_as_json(heads: Sequence[Head]) -> dict[str, Any]:
    """Returns heads as fields of JSON: `label_names`, or `heads` of several."""
    if len(heads) == 1:
        return {"label_names": list(heads[0].label_names)}
    return {
        "heads": [
            {"name": head.name, "label_names": list(head.label_names)}
            for head in heads
        ]
    }


def heads_from_json(fields: dict[str, Any]) -> tuple[Head, ...]:
    """Takes the fields of `heads_as_json` out of a dictionary.

    Raises:
        KeyError, TypeError: If they are missing or malformed.
    """
    heads = fields.pop("heads", None)
    if heads is None:
        return (Head(tuple(fields.pop("label_names"))),)
    return tuple(
        Head(tuple(head["label_names"]), head["name"]) for head in heads
    )


def check_heads(
    heads: Sequence[Head], flip_pairs: Sequence[tuple[str, str]] | None
) -> None:
    """Checks the names of heads and classes, and flip pairs.

    Raises:
        ValueError: If a class name is empty, has several lines or surrounding
            spaces or occurs twice in a head; if several heads do not have
            different names; or if a flip pair is in no head, or a head has one
            of its names twice.
    """
    names = [head.name for head in heads]
    if len(heads) != 1 and (
        not heads
        or len(set(names)) < len(names)
        or not all(map(_is_name, names))
    ):
        raise ValueError(
            "Several heads must have different names of small letters, digits "
            f"and underscores, other than {_RESERVED}. Received: {names}"
        )
    for head in heads:
        if (
            not head.label_names
            or len(set(head.label_names)) != len(head.label_names)
            or any(
                not name or name != name.strip() or len(name.splitlines()) > 1
                for name in head.label_names
            )
        ):
            raise ValueError(
                "`label_names` must be distinct names of one line each. "
                f"Received: {list(head.label_names)}"
            )
        if flip_pairs is not None:
            mirrored_labels(head.label_names, pairs_of(head, heads, flip_pairs))


def pairs_of(
    head: Head,
    heads: Sequence[Head],
    flip_pairs: Sequence[tuple[str, str]],
) -> list[tuple[str, str]]:
    """Returns the flip pairs whose classes a head has.

    A pair that no head has is returned too, so that `mirrored_labels` refuses
    it.
    """
    return [
        pair
        for pair in flip_pairs
        if {*pair} <= {*head.label_names}
        or not any({*pair} <= {*other.label_names} for other in heads)
    ]


def check_same_heads(
    where: object, found: Sequence[Head], expected: Sequence[Head]
) -> None:
    """Checks that clips have the heads of a model, in any order.

    Where each has a single head, its name does not matter.

    Args:
        where: The origin of the clips, which the error names.
        found: The heads of the clips.
        expected: The heads of the model.

    Raises:
        ValueError: If heads are missing or unknown; it names all heads.
    """
    has, wanted = ({head.name for head in heads} for heads in (found, expected))
    if has != wanted and not len(has) == len(wanted) == 1:
        raise ValueError(
            f"The heads of {where} are not those of the model. Received: "
            f"{_named(found)} instead of {_named(expected)}"
        )


def _named(heads):
    return [head.name for head in heads] if heads[0].name else "a single head"


def check_same_labels(
    where: object,
    found: Sequence[str],
    expected: Sequence[str],
    *,
    may_lack: bool = False,
) -> None:
    """Checks that clips have the classes of a model, in any order.

    Args:
        where: The origin of the clips, which the error names.
        found: The classes of the clips.
        expected: The classes of the model.
        may_lack: Whether some of `expected` may have no clips.

    Raises:
        ValueError: If classes are missing or unknown; it names them.
    """
    missing = sorted(set(expected) - set(found))
    unknown = sorted(set(found) - set(expected))
    if unknown or (missing and not may_lack):
        raise ValueError(
            f"The classes of {where} are not those of the model. Received: "
            f"missing {missing}, unknown {unknown}"
        )


def mirrored_labels(
    label_names: Sequence[str], flip_pairs: Sequence[tuple[str, str]]
) -> tuple[int, ...]:
    """Returns, for each class, the class of its mirrored clips.

    Args:
        label_names: Class names in the order of their numbers.
        flip_pairs: Pairs of class names that change into each other; all
            other classes stay what they are.

    Returns:
        One class number per class.

    Raises:
        ValueError: If a pair has an unknown name, or a name occurs twice.
    """
    paired = [name for pair in flip_pairs for name in pair]
    if not set(paired) <= set(label_names) or len(set(paired)) != len(paired):
        raise ValueError(
            "`flip_pairs` must name classes, each at most once. "
            f"Received: {flip_pairs}"
        )
    partner = {a: b for pair in flip_pairs for a, b in (pair, pair[::-1])}
    return tuple(
        label_names.index(partner.get(name, name)) for name in label_names
    )
