"""Checks of class names, and the class of a mirrored clip of each class."""

from collections.abc import Sequence


def check_labels(
    label_names: Sequence[str],
    flip_pairs: Sequence[tuple[str, str]] | None,
) -> None:
    """Checks class names and flip pairs.

    Raises:
        ValueError: If a name is empty, has several lines or surrounding
            spaces or occurs twice, or if `mirrored_labels` refuses the pairs.
    """
    if (
        not label_names
        or len(set(label_names)) != len(label_names)
        or any(
            not name or name != name.strip() or len(name.splitlines()) > 1
            for name in label_names
        )
    ):
        raise ValueError(
            "`label_names` must be distinct names of one line each. "
            f"Received: {list(label_names)}"
        )
    if flip_pairs is not None:
        mirrored_labels(label_names, flip_pairs)


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
