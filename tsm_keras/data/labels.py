"""Class names: the same ones in the same order, and which mirror which."""

from collections.abc import Sequence


def check_labels(
    label_names: Sequence[str],
    flip_pairs: Sequence[tuple[str, str]] | None,
) -> None:
    """Checks that names are distinct lines, and that pairs are of them.

    Raises:
        ValueError: If not.
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
            "`label_names` must be distinct names of one line. "
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
    """Refuses clips whose classes are not those of a model.

    Args:
        where: Where the clips lie, for the error.
        found: Their classes.
        expected: The classes of the model.
        may_lack: Whether some of `expected` may have no clips.

    Raises:
        ValueError: If the classes differ; names the missing and the unknown.
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
    """Returns the class that a mirrored clip of each class is of.

    Args:
        label_names: Class names in the order of their numbers.
        flip_pairs: Names of classes that change into each other; all others
            stay what they are.

    Raises:
        ValueError: If a pair names no class, or a class twice.
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
