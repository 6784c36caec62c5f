"""draw_splits: training, validation and test clips that share no group."""

import collections
import hashlib
import re
from collections.abc import Mapping, Sequence

from tsm_keras.data.prepare.collections.collection import ClipSource


def draw_splits(
    clips: Sequence[ClipSource],
    fractions: Mapping[str, float],
    *,
    group_regex: str | None = None,
    seed: int = 0,
) -> list[str]:
    """Draws a split for each clip.

    All clips of a group (one person, one session) get the same split. Groups
    are taken from the largest to the smallest, equal ones in random order, and
    each goes where its classes, and all clips together, lack most of what
    `fractions` promise them. No split that is to have clips stays empty if
    there are as many groups as such splits.

    Args:
        clips: In any order: the result is the same.
        fractions: Of each class that each split is to get; their sum is 1.
        group_regex: Searched for in a clip's path. What its parentheses match
            (without any: what it matches) names the group. None makes a group
            of each file.
        seed: Of the random order.

    Returns:
        The split of each clip.

    Raises:
        ValueError: If `fractions` are none, the regex is none, or it matches
            nothing in some path.
    """
    if any(part < 0 for part in fractions.values()) or not (
        abs(sum(fractions.values()) - 1) < 1e-9
    ):
        raise ValueError(
            "Fractions must be in 0..1 and have the sum 1. "
            f"Received: {dict(fractions)}"
        )
    group_of = _grouping(group_regex)
    members: dict[str, collections.Counter[str]] = {}
    for clip in clips:
        labels = members.setdefault(group_of(clip), collections.Counter())
        labels[clip.label] += 1
    totals = collections.Counter(clip.label for clip in clips)
    sizes = dict.fromkeys(fractions, 0)
    given: dict[str, collections.Counter[str]] = {
        split: collections.Counter() for split in fractions
    }
    split_of = {}
    order = sorted(
        members,
        key=lambda name: (-members[name].total(), random_key(seed, name)),
    )
    for position, group in enumerate(order):
        labels = members[group]

        def lack(split, labels=labels):
            of_classes = sum(
                count * (fractions[split] - given[split][label] / totals[label])
                for label, count in labels.items()
            )
            # Small classes round their share away; all clips together do not.
            of_all = fractions[split] - sizes[split] / len(clips)
            return of_classes + labels.total() * of_all

        empty = [x for x in fractions if fractions[x] > 0 and not sizes[x]]
        last = len(order) - position <= len(empty)
        split = max(empty if last else fractions, key=lack)
        sizes[split] += labels.total()
        split_of[group] = split
        given[split].update(labels)
    return [split_of[group_of(clip)] for clip in clips]


def random_key(seed: int, name: str) -> bytes:
    """Returns what to sort names by for an order that is random but fixed."""
    text = f"{seed}\n{name}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).digest()


def _grouping(group_regex):
    if group_regex is None:
        return lambda clip: clip.path
    try:
        regex = re.compile(group_regex)
    except re.error as error:
        raise ValueError(
            f"`group_regex` must be a regular expression ({error}). "
            f"Received: group_regex={group_regex!r}"
        ) from error

    def group(clip):
        match = regex.search(clip.path)
        if match is None:
            raise ValueError(
                f"`group_regex` must match every path, and not {clip.path!r}. "
                f"Received: group_regex={group_regex!r}"
            )
        return "\n".join(map(str, match.groups())) or match[0]

    return group
