"""draw_splits: draws splits of clips so that no two splits share a group."""

import collections
import hashlib
import math
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

    All clips of a group (such as one person or one session) get the same split.
    Groups are assigned from the largest to the smallest, equally large ones in
    random order. Each goes to the split that is furthest below its fraction, in
    the classes of the group, those of all heads, and in all clips together. No
    split with a positive
    fraction stays empty if there are at least as many groups as such splits.

    Args:
        clips: The clips. Their order does not change the split of a clip.
        fractions: For each split, the fraction of the clips of every class
            that it should get. Fractions sum to 1.
        group_regex: Regular expression that is searched in the path of a clip.
            The text of its parentheses, or its whole match if it has none,
            names the group. For None each file is a group.
        seed: Seed of the random order.

    Returns:
        The name of the split of each clip.

    Raises:
        ValueError: If fractions are negative or do not sum to 1, or
            `group_regex` is invalid or does not match the path of a clip.
    """
    if any(part < 0 for part in fractions.values()) or not (
        abs(sum(fractions.values()) - 1) < 1e-9
    ):
        raise ValueError(
            "Fractions must be in 0..1 and have the sum 1. "
            f"Received: {dict(fractions)}"
        )
    group_of = _grouping(group_regex)
    # Each class counts as the place of its head and its name.
    members: dict[str, collections.Counter[tuple[int, str]]] = {}
    for clip in clips:
        labels = members.setdefault(group_of(clip), collections.Counter())
        labels.update(clip.classes() or [(0, "")])  # It may have no box.
    totals: collections.Counter[tuple[int, str]] = collections.Counter()
    for labels in members.values():
        totals.update(labels)
    sizes = dict.fromkeys(fractions, 0)
    given: dict[str, collections.Counter[tuple[int, str]]] = {
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
            # An exact sum does not depend on the order of the heads.
            of_classes = math.fsum(
                count * (fractions[split] - given[split][label] / totals[label])
                for label, count in labels.items()
            )
            # In small classes rounding may take all; this balances the sum.
            of_all = fractions[split] - sizes[split] / totals.total()
            return of_classes + labels.total() * of_all

        empty = [x for x in fractions if fractions[x] > 0 and not sizes[x]]
        last = len(order) - position <= len(empty)
        split = max(empty if last else fractions, key=lack)
        sizes[split] += labels.total()
        split_of[group] = split
        given[split].update(labels)
    return [split_of[group_of(clip)] for clip in clips]


def random_key(seed: int, name: str) -> bytes:
    """Returns a key that sorts names in a random order fixed by the seed."""
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
                "`group_regex` must match every path, but does not match "
                f"{clip.path!r}. Received: group_regex={group_regex!r}"
            )
        return "\n".join(map(str, match.groups())) or match[0]

    return group
