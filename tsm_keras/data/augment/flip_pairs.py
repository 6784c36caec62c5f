"""Finds the pairs of classes that mirroring swaps, by their names."""

import re
from collections.abc import Sequence

_OPPOSITE = {
    "left": "right",
    "leftward": "rightward",
    "leftwards": "rightwards",
    "clockwise": "counterclockwise",
}
_OPPOSITE |= {right: left for left, right in _OPPOSITE.items()}
# A side must be a separate word, as in `swipe_left`, or begin with a capital,
# as in `SwipeLeft`. `upright` and `cleft` name no side.
_SIDE = re.compile(
    r"(?<![A-Za-z])(?i:(left|right)(wards?)?|((counter|anti)[-_ ]?)?clockwise)"
    r"(?![a-z])|(?<=[a-z])(Left|Right|(Counter|Anti)?[Cc]lockwise)(?![a-z])"
)


def find_flip_pairs(
    label_names: Sequence[str],
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Pairs the classes whose names differ only in a side.

    Sides are left and right, and clockwise and counterclockwise.

    Returns:
        The pairs of names, and the names that have a side but no partner. A
        mirrored clip of the latter shows a class that is not in `label_names`.
    """
    by_form = {_form(name): name for name in label_names}
    pairs, alone = [], []
    for name in label_names:
        mirrored = _form(name, mirrored=True)
        if mirrored == _form(name):
            continue
        partner = by_form.get(mirrored)
        if partner is None:
            alone.append(name)
        elif label_names.index(name) < label_names.index(partner):
            pairs.append((name, partner))
    return tuple(pairs), tuple(alone)


def flip_pairs_of_heads(
    label_names: Sequence[Sequence[str]],
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Does what `find_flip_pairs` does, for the class names of several heads.

    Two heads may have the same pair, which is returned once.
    """
    found = [find_flip_pairs(names) for names in label_names]
    pairs = dict.fromkeys(pair for pairs, _ in found for pair in pairs)
    return tuple(pairs), tuple(name for _, alone in found for name in alone)


def parse_flip_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Parses pairs such as `swipe left:swipe right,look left:look right`.

    Raises:
        ValueError: If the text does not have this form.
    """
    pairs = []
    for pair in text.split(","):
        first, _, second = map(str.strip, pair.partition(":"))
        if not (first and second) or ":" in second:
            raise ValueError(
                "`flip_pairs` must be auto, none, or pairs of classes such as "
                "look left:look right,push left:push right. "
                f"Received: flip_pairs={text!r}"
            )
        pairs.append((first, second))
    return tuple(pairs)


def chosen_flip_pairs(
    text: str | None, label_names: Sequence[str]
) -> tuple[tuple[str, str], ...] | None:
    """Returns the flip pairs that a user asks for, None for no mirroring.

    Args:
        text: `"auto"` to find the pairs by name, `"none"` or None to forbid
            mirroring, or pairs as `parse_flip_pairs` takes them.
        label_names: The names of the classes.

    Raises:
        ValueError: If the text is malformed, or `"auto"` finds a class without
            its mirror image.
    """
    if text in (None, "none"):
        return None
    if text != "auto":
        return parse_flip_pairs(text)
    pairs, alone = find_flip_pairs(label_names)
    if alone:
        raise ValueError(
            "`flip_pairs` must name the pairs, because no class is the mirror "
            f"image of {alone[0]!r}. Received: flip_pairs='auto'"
        )
    return pairs


def _form(name, mirrored=False):
    """Returns the name with a uniform spelling of its sides, or mirrored."""

    def spell(match):
        word = re.sub("[-_ ]", "", match[0].lower()).replace("anti", "counter")
        return f"<{_OPPOSITE[word] if mirrored else word}>"

    return _SIDE.sub(spell, name).lower()
